/** The names of addresses until they expire, those asked for least recently making room. Bound: `maxEntries`. */
import { LruMap } from '../../machine/lru-map.js';

interface Entry {
  readonly names: readonly string[];
  /** Milliseconds on the caller's clock. */
  expiresAt: number;
}

export class NameCache {
  readonly #entries: LruMap<string, Entry>;

  constructor(maxEntries: number) {
    this.#entries = new LruMap(maxEntries);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Entries that had to make room. */
  get evicted(): number {
    return this.#entries.dropped;
  }

  /** Also when expired: the caller decides what stale names are good for. */
  get(address: string): Readonly<Entry> | undefined {
    return this.#entries.get(address);
  }

  /** Lets everything expire at `now`, if not before. */
  expireAll(now: number): void {
    for (const entry of this.#entries.values()) entry.expiresAt = Math.min(entry.expiresAt, now);
  }

  set(address: string, names: readonly string[], expiresAt: number): void {
    this.#entries.set(address, { names, expiresAt });
  }
}
