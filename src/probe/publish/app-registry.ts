/**
 * Which app is reached through which link, so that two ways to one app deliver one report. What waits belongs to the
 * app, not to the way: when one way fails, another takes over with what waits.
 */
import type { PendingReport } from './pending-report.js';

/** What the registry needs to know of a link. */
export interface Claimant {
  pending: PendingReport;
  /** Whether its last exchange went well. */
  readonly isHealthy: boolean;
  /** Asks to look again at once. */
  wake(): void;
}

interface Entry {
  holder: Claimant;
  pending: PendingReport;
}

export class AppRegistry {
  readonly #apps = new Map<string, Entry>();

  constructor(private readonly newPending: () => PendingReport) {}

  /** Apps that are being reported to. */
  get size(): number {
    return this.#apps.size;
  }

  /**
   * A link has found the app `appId`.
   * @returns `holder` when it is to deliver, `standby` when another one does; either way the link's pending report is
   * then the app's.
   */
  claim(appId: string, link: Claimant): 'holder' | 'standby' {
    const entry = this.#apps.get(appId);
    if (entry && entry.holder !== link && entry.holder.isHealthy) {
      this.#leave(appId, link);
      link.pending = entry.pending;
      return 'standby';
    }
    if (entry) {
      this.#leave(appId, link);
      entry.holder = link;
      link.pending = entry.pending;
      return 'holder';
    }
    this.#adopt(link);
    this.#apps.set(appId, { holder: link, pending: link.pending });
    return 'holder';
  }

  /** The holder could not deliver: another way may. */
  failed(link: Claimant, all: Iterable<Claimant>): void {
    for (const { holder, pending } of this.#apps.values()) {
      if (holder !== link) continue;
      for (const other of all) if (other !== link && other.pending === pending) other.wake();
    }
  }

  /** The link is gone. */
  remove(link: Claimant): void {
    for (const [appId, { holder }] of this.#apps) if (holder === link) this.#apps.delete(appId);
  }

  /** A link that held another app finds this one in its place: the old one is gone from there. */
  #leave(appId: string, link: Claimant): void {
    for (const [otherId, { holder }] of this.#apps) {
      if (otherId !== appId && holder === link) this.#apps.delete(otherId);
    }
  }

  /**
   * A new app (a restarted one has a new id) inherits what waited at this link. When that belongs to an app which a
   * healthy link still serves, it starts with nothing.
   */
  #adopt(link: Claimant): void {
    for (const [appId, { holder, pending }] of this.#apps) {
      if (holder === link) this.#apps.delete(appId);
      else if (pending === link.pending) {
        if (holder.isHealthy) link.pending = this.newPending();
        else this.#apps.delete(appId);
      }
    }
  }
}
