/** The names of addresses until they expire, those asked for least recently making room. Bound: `maxEntries`. */

interface Entry {
  readonly names: readonly string[];
  /** Milliseconds on the caller's clock. */
  expiresAt: number;
}

export class NameCache {
  readonly #entries = new Map<string, Entry>();
  /** Entries that had to make room. */
  evicted = 0;

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.#entries.size;
  }

  /** Also when expired: the caller decides what stale names are good for. */
  get(address: string): Readonly<Entry> | undefined {
    const entry = this.#entries.get(address);
    if (entry) {
      this.#entries.delete(address);
      this.#entries.set(address, entry);
    }
    return entry;
  }

  /** Lets everything expire at `now`, if not before. */
  expireAll(now: number): void {
    for (const entry of this.#entries.values()) entry.expiresAt = Math.min(entry.expiresAt, now);
  }

  set(address: string, names: readonly string[], expiresAt: number): void {
    this.#entries.delete(address);
    this.#entries.set(address, { names, expiresAt });
    if (this.#entries.size <= this.maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.evicted++;
  }
}
