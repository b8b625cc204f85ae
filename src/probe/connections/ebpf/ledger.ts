/**
 * How complete the picture is: what the tracker saw is held against what the kernel counted, namespace by namespace.
 *
 * The kernel's counters are read before the tracker's, so the tracker may be ahead by what happened in between, never
 * behind: being behind is loss. A loss stays counted even if the tracker gets ahead again.
 *
 * Not every namespace need be looked at each time: what the tracker saw in the others waits in their accounts.
 */
import type { Completeness, NamespaceMissed, UnreportedEnds } from '../../records/source.js';
import type { TcpCounts } from './kernel-counters.js';

/** Namespaces reported by name; the sums have them all. */
const NAMED_MOST = 10;

export interface Reading {
  /** Every namespace there is now, by inode: the accounts of others are closed. Absent when that is not known. */
  readonly alive?: Iterable<number>;
  /** The kernel's counts of those that were looked at, read before `seen`. */
  readonly kernel: ReadonlyMap<number, TcpCounts>;
  /** What trackers saw since the last reading, but `established`, which is now. */
  readonly seen: ReadonlyMap<number, TcpCounts>;
}

interface Opens {
  readonly active: number;
  readonly passive: number;
}

interface Account {
  /** The kernel's counts when both began to count; undefined until it is looked at. */
  baseline: Opens | undefined;
  /** The kernel's counts when it was looked at last. */
  kernel: Opens;
  /** What trackers saw since the beginning. */
  seen: Opens;
  opened: number;
  missed: number;
  /** Established sockets that the tracker did not know, at the last look. */
  unknown: number;
  /** Those of them that were so at the look before, too. */
  unknownTwice: number;
}

const NOTHING: Opens = { active: 0, passive: 0 };

export class Ledger {
  readonly #accounts = new Map<number, Account>();
  /** Of namespaces that are gone. */
  #openedBefore = 0;
  #missedBefore = 0;

  /** @param atStart the kernel's counts when the tracker began to see */
  constructor(atStart: ReadonlyMap<number, TcpCounts>) {
    for (const [netns, kernel] of atStart) this.#accounts.set(netns, newAccount(kernel));
  }

  /**
   * Of all the namespaces those to look at now: who has waited longest, and first of all who was never looked at.
   * @param most at once
   */
  choose<Namespace extends { readonly inode: number }>(all: readonly Namespace[], most: number): Namespace[] {
    if (all.length <= most) return [...all];
    const waiting = new Map(all.map((namespace) => [namespace.inode, namespace]));
    const chosen: Namespace[] = [];
    const take = (namespace: Namespace): void => {
      if (chosen.length < most) chosen.push(namespace);
    };
    for (const namespace of all)
      if (this.#accounts.get(namespace.inode)?.baseline === undefined) take(namespace);
    // Whoever is looked at goes to the end of the accounts.
    for (const [netns, { baseline }] of this.#accounts) {
      const namespace = waiting.get(netns);
      if (namespace !== undefined && baseline !== undefined) take(namespace);
    }
    return chosen;
  }

  reconcile({ alive, kernel, seen }: Reading): Completeness {
    if (alive !== undefined) this.#forgetGone(new Set(alive));
    for (const [netns, { active, passive }] of seen) {
      const account = this.#accounts.get(netns) ?? newAccount();
      account.seen = { active: account.seen.active + active, passive: account.seen.passive + passive };
      this.#accounts.set(netns, account);
    }
    for (const [netns, counts] of kernel) this.#look(netns, counts, seen.get(netns));
    return { ...this.#totals(), namespaces: this.#namespaces() };
  }

  /** Ends that were seen, and are missed all the same: see ConnectionSource.unreported. */
  unreported(ends: UnreportedEnds): void {
    for (const [netns, { active, passive }] of ends) {
      const account = this.#accounts.get(netns);
      if (account === undefined) {
        this.#missedBefore += active + passive;
        continue;
      }
      account.seen = { active: account.seen.active - active, passive: account.seen.passive - passive };
      account.missed += active + passive;
    }
  }

  #look(netns: number, kernel: TcpCounts, latest: TcpCounts | undefined): void {
    const account = this.#accountOf(netns, kernel, latest ?? NOTHING);
    account.kernel = kernel;
    const { seen } = account;
    // What happened in it before it was first looked at is taken to be what was seen.
    const baseline = (account.baseline ??= {
      active: kernel.active - seen.active,
      passive: kernel.passive - seen.passive,
    });
    const active = kernel.active - baseline.active;
    const passive = kernel.passive - baseline.passive;
    account.opened = active + passive;
    const behind = Math.max(0, active - seen.active) + Math.max(0, passive - seen.passive);
    account.missed = Math.max(account.missed, behind);
    // Sockets come and go between the two readings: unknown is what is so twice.
    const unknown = Math.max(0, kernel.established - (latest?.established ?? 0));
    account.unknownTwice = Math.min(unknown, account.unknown);
    account.unknown = unknown;
    this.#accounts.delete(netns);
    this.#accounts.set(netns, account);
  }

  /** An inode that was freed is given to the next namespace, whose counters start at nothing. */
  #accountOf(netns: number, kernel: TcpCounts, latest: Opens): Account {
    const known = this.#accounts.get(netns);
    if (known === undefined) return newAccount();
    if (kernel.active >= known.kernel.active && kernel.passive >= known.kernel.passive) return known;
    this.#close(known);
    return { ...newAccount(), seen: { active: latest.active, passive: latest.passive } };
  }

  #forgetGone(alive: ReadonlySet<number>): void {
    for (const [netns, account] of this.#accounts) {
      if (alive.has(netns)) continue;
      this.#close(account);
      this.#accounts.delete(netns);
    }
  }

  #close({ opened, missed }: Account): void {
    this.#openedBefore += opened;
    this.#missedBefore += missed;
  }

  #totals(): Pick<Completeness, 'opened' | 'missed' | 'unknownEstablished'> {
    let opened = this.#openedBefore;
    let missed = this.#missedBefore;
    let unknownEstablished = 0;
    for (const account of this.#accounts.values()) {
      opened += account.opened;
      missed += account.missed;
      unknownEstablished += account.unknownTwice;
    }
    return { opened, missed, unknownEstablished };
  }

  #namespaces(): NamespaceMissed[] {
    return [...this.#accounts]
      .filter(([, { missed }]) => missed > 0)
      .map(([netns, { opened, missed }]) => ({ netns, opened, missed }))
      .sort((a, b) => b.missed - a.missed)
      .slice(0, NAMED_MOST);
  }
}

/** @param kernel its counts, which both begin at; without them the first look decides */
function newAccount(kernel?: TcpCounts): Account {
  const baseline = kernel && { active: kernel.active, passive: kernel.passive };
  return {
    baseline,
    kernel: baseline ?? NOTHING,
    seen: NOTHING,
    opened: 0,
    missed: 0,
    unknown: 0,
    unknownTwice: 0,
  };
}
