/**
 * Which app is reached through which link, so that two ways to one app deliver each state once. What an app has belongs
 * to the app, not to the way: when one way fails, another takes over from there.
 */
import type { ReportMark } from '../../flows/stated.js';
import type { HeldState } from './held-state.js';

/** What the registry needs to know of a link. */
export interface Claimant {
  held: HeldState;
  /** Whether its last exchange went well. */
  readonly isHealthy: boolean;
  /** Asks to look again at once. */
  wake(): void;
}

interface Entry {
  holder: Claimant;
  held: HeldState;
}

export class AppRegistry {
  readonly #apps = new Map<string, Entry>();

  constructor(private readonly newHeld: (mark: ReportMark | undefined) => HeldState) {}

  /** Apps that are being reported to. */
  get size(): number {
    return this.#apps.size;
  }

  /**
   * A link has found the app `appId`.
   * @returns `holder` when it is to deliver, `standby` when another one does; either way what the link holds is then
   * the app's.
   */
  claim(appId: string, link: Claimant): 'holder' | 'standby' {
    const entry = this.#apps.get(appId);
    if (entry && entry.holder !== link && entry.holder.isHealthy) {
      this.#leave(appId, link);
      link.held = entry.held;
      return 'standby';
    }
    if (entry) {
      this.#leave(appId, link);
      entry.holder = link;
      link.held = entry.held;
      return 'holder';
    }
    this.#adopt(link);
    this.#apps.set(appId, { holder: link, held: link.held });
    return 'holder';
  }

  /** The holder could not deliver: another way may. */
  failed(link: Claimant, all: Iterable<Claimant>): void {
    for (const { holder, held } of this.#apps.values()) {
      if (holder !== link) continue;
      for (const other of all) if (other !== link && other.held === held) other.wake();
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
   * A new app (a restarted one has a new id) has no state yet. Its first report is about the time since the last one at
   * this link, unless that went to an app which a healthy link still serves.
   */
  #adopt(link: Claimant): void {
    let { mark } = link.held;
    for (const [appId, { holder, held }] of this.#apps) {
      if (holder === link) this.#apps.delete(appId);
      else if (held === link.held) {
        if (holder.isHealthy) mark = undefined;
        else this.#apps.delete(appId);
      }
    }
    link.held = this.newHeld(mark);
  }
}
