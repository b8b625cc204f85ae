/**
 * A hash table from address triples (netns, from address, to address, to port) to group numbers. Keys are copied into
 * one array, ten words each, so that finding a group touches nothing but this table.
 */

export const KEY_WORDS = 10;
export const KEY = { fromAddress: 0, toAddress: 4, toPort: 8, netns: 9 } as const;

const FIRST_CAPACITY = 1024;

/** Odd multipliers drawn once per process: peers choose addresses, but can't choose what collides. */
const SEED = Int32Array.from({ length: KEY_WORDS }, () => (Math.random() * 0x100000000) | 1);
const [S0, S1, S2, S3, S4, S5, S6, S7, S8, S9] = SEED as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export class GroupTable {
  count = 0;
  keys = new Int32Array((FIRST_CAPACITY / 2) * KEY_WORDS);
  /** Group number + 1 by hash slot; 0 is empty. At most half full. */
  #slots = new Int32Array(FIRST_CAPACITY);
  #hashes = new Int32Array(FIRST_CAPACITY / 2);
  /** Group found last: neighbours in a batch are often of the same group. */
  #last = -1;

  /** The triple's group, a new one if need be. Addresses are given by where they are in `words`. */
  add(words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    const last = this.#last;
    if (last >= 0 && this.#is(last, words, from, to, toPort, netns)) return last;
    const hash = hashOf(words, from, to, toPort, netns);
    const found = this.#find(hash, words, from, to, toPort, netns);
    return (this.#last = found >= 0 ? found : this.#insert(~found, hash, words, from, to, toPort, netns));
  }

  /** The triple's group, or -1. */
  find(words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    const hash = hashOf(words, from, to, toPort, netns);
    return Math.max(-1, this.#find(hash, words, from, to, toPort, netns));
  }

  /** The group, or the complement of the empty slot where it belongs. */
  #find(hash: number, words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const group = slots[slot]! - 1;
      if (group < 0) return ~slot;
      if (this.#hashes[group] === hash && this.#is(group, words, from, to, toPort, netns)) return group;
    }
  }

  #is(group: number, words: Int32Array, from: number, to: number, toPort: number, netns: number): boolean {
    const { keys } = this;
    const at = group * KEY_WORDS;
    return (
      keys[at + 3] === words[from + 3] &&
      keys[at + 7] === words[to + 3] &&
      keys[at + 8] === toPort &&
      keys[at + 9] === netns &&
      keys[at] === words[from] &&
      keys[at + 1] === words[from + 1] &&
      keys[at + 2] === words[from + 2] &&
      keys[at + 4] === words[to] &&
      keys[at + 5] === words[to + 1] &&
      keys[at + 6] === words[to + 2]
    );
  }

  #insert(
    slot: number,
    hash: number,
    words: Int32Array,
    from: number,
    to: number,
    toPort: number,
    netns: number,
  ): number {
    const group = this.count++;
    if (group >= this.#hashes.length) slot = this.#grow(hash);
    const at = group * KEY_WORDS;
    for (let i = 0; i < 4; i++) {
      this.keys[at + KEY.fromAddress + i] = words[from + i]!;
      this.keys[at + KEY.toAddress + i] = words[to + i]!;
    }
    this.keys[at + KEY.toPort] = toPort;
    this.keys[at + KEY.netns] = netns;
    this.#hashes[group] = hash;
    this.#slots[slot] = group + 1;
    return group;
  }

  /** Doubles everything; returns the empty slot for `hash`. */
  #grow(hash: number): number {
    const capacity = this.#slots.length * 2;
    const mask = capacity - 1;
    const keys = new Int32Array((capacity / 2) * KEY_WORDS);
    keys.set(this.keys);
    this.keys = keys;
    const hashes = new Int32Array(capacity / 2);
    hashes.set(this.#hashes);
    const known = this.#hashes.length;
    this.#hashes = hashes;
    const slots = (this.#slots = new Int32Array(capacity));
    const free = (wanted: number): number => {
      let slot = wanted & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      return slot;
    };
    for (let group = 0; group < known; group++) slots[free(hashes[group]!)] = group + 1;
    return free(hash);
  }
}

function hashOf(words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
  let hash =
    Math.imul(words[from]!, S0) ^
    Math.imul(words[from + 1]!, S1) ^
    Math.imul(words[from + 2]!, S2) ^
    Math.imul(words[from + 3]!, S3);
  hash ^= hash >>> 15;
  hash ^=
    Math.imul(words[to]!, S4) ^
    Math.imul(words[to + 1]!, S5) ^
    Math.imul(words[to + 2]!, S6) ^
    Math.imul(words[to + 3]!, S7);
  hash ^= Math.imul(toPort, S8) ^ Math.imul(netns, S9);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
