/**
 * A hash index from 32-bit hashes to slots of columns: chains of slots with the same hash. The user compares the keys, which
 * are in columns of its own. Adding and removing cost the same at any size.
 */

const FIRST_CAPACITY = 1024;

export class SlotIndex {
  /** Slot + 1 by the low bits of the hash; 0 ends a chain. */
  #heads = new Int32Array(FIRST_CAPACITY);
  #next = new Int32Array(FIRST_CAPACITY);
  #hashes = new Int32Array(FIRST_CAPACITY);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** Each slot at most once. */
  add(hash: number, slot: number): void {
    if (slot >= this.#next.length) this.#growTo(slot + 1);
    this.#hashes[slot] = hash;
    const head = hash & (this.#heads.length - 1);
    this.#next[slot] = this.#heads[head]!;
    this.#heads[head] = slot + 1;
    this.#count++;
  }

  remove(slot: number): void {
    const head = this.#hashes[slot]! & (this.#heads.length - 1);
    let before = -1;
    for (let at = this.#heads[head]! - 1; at >= 0; at = this.#next[at]! - 1) {
      if (at === slot) {
        if (before < 0) this.#heads[head] = this.#next[slot]!;
        else this.#next[before] = this.#next[slot]!;
        this.#count--;
        return;
      }
      before = at;
    }
  }

  /** The first slot that may have the hash; -1: none. */
  first(hash: number): number {
    return this.#heads[hash & (this.#heads.length - 1)]! - 1;
  }

  /** The one after it; -1 at the end. */
  next(slot: number): number {
    return this.#next[slot]! - 1;
  }

  hashOf(slot: number): number {
    return this.#hashes[slot]!;
  }

  #growTo(slots: number): void {
    const capacity = 2 ** Math.ceil(Math.log2(slots + 1));
    const hashes = new Int32Array(capacity);
    hashes.set(this.#hashes);
    const indexed: number[] = [];
    for (const head of this.#heads)
      for (let at = head - 1; at >= 0; at = this.#next[at]! - 1) indexed.push(at);
    this.#hashes = hashes;
    this.#next = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity);
    for (const slot of indexed) {
      const head = hashes[slot]! & (capacity - 1);
      this.#next[slot] = this.#heads[head]!;
      this.#heads[head] = slot + 1;
    }
  }
}

/** Gives out and takes back slots of columns. */
export class Slots {
  /** One more than the greatest slot ever given out. */
  end = 0;
  readonly #free: number[] = [];

  /** How many are given out. */
  get used(): number {
    return this.end - this.#free.length;
  }

  take(): number {
    return this.#free.pop() ?? this.end++;
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}

type Column = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array;

/** The column itself, or a copy with room for `length` values and up to as many more. */
export function withRoom<T extends Column>(column: T, length: number): T {
  if (length <= column.length) return column;
  const larger = new (column.constructor as new (length: number) => T)(2 ** Math.ceil(Math.log2(length + 1)));
  larger.set(column);
  return larger;
}
