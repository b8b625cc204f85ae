/**
 * How complete the picture is: what the tracker saw is held against what the kernel counted, namespace by namespace.
 *
 * The kernel's counters are read before the tracker's, so the tracker may be ahead by what happened in between, never
 * behind: being behind is loss. A loss stays counted even if the tracker gets ahead again.
 */
import type { Completeness, NamespaceMissed } from '../source.js';
import type { TcpCounts } from './kernel-counters.js';

/** Namespaces told of by name; the sums have them all. */
const NAMED_MOST = 10;

interface Opens {
  readonly active: number;
  readonly passive: number;
}

interface Account {
  /** The kernel's counts when both began to count. */
  readonly baseline: Opens;
  kernel: TcpCounts;
  /** What trackers before this one had seen. */
  carried: Opens;
  /** What this one had at the last reading. */
  seen: Opens;
  opened: number;
  missed: number;
  /** Established sockets that the tracker did not know, at the last reading. */
  unknown: number;
}

export class Ledger {
  readonly #accounts = new Map<number, Account>();
  /** Of namespaces that are gone. */
  #openedBefore = 0;
  #missedBefore = 0;

  /** @param atStart the kernel's counts when the tracker began to see */
  constructor(atStart: ReadonlyMap<number, TcpCounts>) {
    for (const [netns, kernel] of atStart) this.#accounts.set(netns, newAccount(kernel, kernel));
  }

  /** Another tracker took over, and counts from nothing: what neither of them saw is missed. */
  trackerReplaced(): void {
    for (const account of this.#accounts.values()) {
      account.carried = sum(account.carried, account.seen);
      account.seen = NOTHING;
    }
  }

  /**
   * @param kernel read before
   * @param seen by the tracker, since it was loaded
   */
  reconcile(kernel: ReadonlyMap<number, TcpCounts>, seen: ReadonlyMap<number, TcpCounts>): Completeness {
    this.#forgetGone(kernel);
    let unknownEstablished = 0;
    for (const [netns, counts] of kernel) {
      const tracked = seen.get(netns) ?? { active: 0, passive: 0, established: 0 };
      const account = this.#accountOf(netns, counts, tracked);
      const active = counts.active - account.baseline.active;
      const passive = counts.passive - account.baseline.passive;
      account.kernel = counts;
      account.seen = tracked;
      account.opened = active + passive;
      const { carried } = account;
      const behind =
        Math.max(0, active - carried.active - tracked.active) +
        Math.max(0, passive - carried.passive - tracked.passive);
      account.missed = Math.max(account.missed, behind);
      // Sockets come and go between the two readings: unknown is what is so twice.
      const unknown = Math.max(0, counts.established - tracked.established);
      unknownEstablished += Math.min(unknown, account.unknown);
      account.unknown = unknown;
    }
    return { ...this.#totals(), unknownEstablished, namespaces: this.#namespaces() };
  }

  /** An inode that was freed is given to the next namespace, whose counters start at nothing. */
  #accountOf(netns: number, kernel: TcpCounts, seen: TcpCounts): Account {
    const known = this.#accounts.get(netns);
    if (known !== undefined && kernel.active >= known.kernel.active && kernel.passive >= known.kernel.passive)
      return known;
    if (known !== undefined) this.#close(known);
    // What happened in it before it was first looked at is taken to be what was seen.
    const baseline = { active: kernel.active - seen.active, passive: kernel.passive - seen.passive };
    const account = newAccount(baseline, kernel);
    this.#accounts.set(netns, account);
    return account;
  }

  #forgetGone(kernel: ReadonlyMap<number, TcpCounts>): void {
    for (const [netns, account] of this.#accounts) {
      if (kernel.has(netns)) continue;
      this.#close(account);
      this.#accounts.delete(netns);
    }
  }

  #close({ opened, missed }: Account): void {
    this.#openedBefore += opened;
    this.#missedBefore += missed;
  }

  #totals(): { opened: number; missed: number } {
    let opened = this.#openedBefore;
    let missed = this.#missedBefore;
    for (const account of this.#accounts.values()) {
      opened += account.opened;
      missed += account.missed;
    }
    return { opened, missed };
  }

  #namespaces(): NamespaceMissed[] {
    return [...this.#accounts]
      .filter(([, { missed }]) => missed > 0)
      .map(([netns, { opened, missed }]) => ({ netns, opened, missed }))
      .sort((a, b) => b.missed - a.missed)
      .slice(0, NAMED_MOST);
  }
}

const NOTHING: Opens = { active: 0, passive: 0 };

function newAccount({ active, passive }: Opens, kernel: TcpCounts): Account {
  const baseline = { active, passive };
  return { baseline, kernel, carried: NOTHING, seen: NOTHING, opened: 0, missed: 0, unknown: 0 };
}

function sum(a: Opens, b: Opens): Opens {
  return { active: a.active + b.active, passive: a.passive + b.passive };
}
