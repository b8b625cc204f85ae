/**
 * Completeness: compares what the tracker saw with what the kernel counted, per namespace.
 *
 * The kernel's counters are read before the tracker's. So the tracker may be ahead by what happened in between, never
 * behind: behind means loss. A loss stays counted even if the tracker gets ahead again.
 *
 * Not every namespace is compared each time: what the tracker saw of the others waits in their accounts.
 */
import type { Completeness, NamespaceMissed, UnreportedEnds } from '../../records/source.js';
import type { TcpCounts } from './kernel-counters.js';

/** Namespaces reported by name; the sums include all. */
const NAMED_MOST = 10;

export interface Reading {
  /** Inodes of all namespaces that exist now: other accounts are closed. Absent if unknown. */
  readonly alive?: Iterable<number>;
  /** The kernel's counts of the namespaces to compare, read before `seen`. */
  readonly kernel: ReadonlyMap<number, TcpCounts>;
  /** What trackers saw since the last reading; `established` is as of now. */
  readonly seen: ReadonlyMap<number, TcpCounts>;
}

interface Opens {
  readonly active: number;
  readonly passive: number;
}

interface Account {
  /** The kernel's counts when both began to count; undefined until the first comparison. */
  baseline: Opens | undefined;
  /** The kernel's counts at the last comparison. */
  kernel: Opens;
  /** What trackers saw since the beginning. */
  seen: Opens;
  opened: number;
  missed: number;
  /** Established sockets that the tracker did not know, at the last comparison. */
  unknown: number;
  /** Those of them that were unknown at the comparison before, too. */
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
   * The namespaces to compare now: first those never compared, then those compared longest ago.
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
    // A comparison moves an account to the end.
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

  /** Ends that were seen and are missed all the same: see ConnectionSource.unreported. */
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
    // Before the first comparison, what was seen is taken for all that happened.
    const baseline = (account.baseline ??= {
      active: kernel.active - seen.active,
      passive: kernel.passive - seen.passive,
    });
    const active = kernel.active - baseline.active;
    const passive = kernel.passive - baseline.passive;
    account.opened = active + passive;
    const behind = Math.max(0, active - seen.active) + Math.max(0, passive - seen.passive);
    account.missed = Math.max(account.missed, behind);
    // Sockets come and go between the two readings: only twice unknown counts.
    const unknown = Math.max(0, kernel.established - (latest?.established ?? 0));
    account.unknownTwice = Math.min(unknown, account.unknown);
    account.unknown = unknown;
    this.#accounts.delete(netns);
    this.#accounts.set(netns, account);
  }

  /** A freed inode is reused by a new namespace, whose counters start at 0. */
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

/** @param kernel the counts that both begin at; without them the first comparison sets the baseline */
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
