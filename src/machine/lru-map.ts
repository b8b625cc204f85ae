/**
 * A map that holds a bounded number of entries. A further one takes the place of the least recently used: reading and
 * writing are both uses.
 */
export class LruMap<Key, Value extends object> {
  /** In the order of their last use: a Map keeps the order in which keys were added. */
  readonly #entries = new Map<Key, Value>();
  /** Entries that made room, since the map was made. */
  dropped = 0;

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#moveToEnd(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#moveToEnd(key, value);
    if (this.#entries.size <= this.maxEntries) return;
    const [leastRecent] = this.#entries.keys();
    this.#entries.delete(leastRecent as Key);
    this.dropped++;
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }

  /** Uses none of them. The least recently used comes first. */
  values(): IterableIterator<Value> {
    return this.#entries.values();
  }

  #moveToEnd(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
  }
}
