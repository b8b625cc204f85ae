/**
 * A hash table from address triples (netns, from address, to address, to port) to group numbers. Keys are copied into
 * one array, ten words each, so that finding a group touches nothing but this table.
 */
import { isIpv4, writeIpv4 } from '../records/address.js';
import type { Arena } from '../records/arena.js';

/** Where a key has what, and how many words it has. */
export const enum KEY {
  fromAddress = 0,
  toAddress = 4,
  toPort = 8,
  netns = 9,
  words = 10,
}

const FIRST_CAPACITY = 1024;

/** Odd multipliers drawn once per process: peers choose addresses, but can't choose what collides. */
const SEED = Int32Array.from({ length: KEY.words }, () => (Math.random() * 0x100000000) | 1);
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

/** Two addresses in the making. */
const made = new Int32Array(8);

export class GroupTable {
  count = 0;
  keys: Int32Array;
  /** Group number + 1 by hash slot; 0 is empty. At most half full. */
  #slots: Int32Array;
  /** The same for groups of two IPv4 addresses, so that who is found there need not be looked at for it. */
  #ipv4Slots: Int32Array;
  #hashes: Int32Array;
  /** Groups found last: neighbours in a batch are often of the same group. */
  #last = -1;
  #lastIpv4 = -1;

  /** @param arena the table is valid until it begins anew */
  constructor(private readonly arena: Arena) {
    this.keys = arena.int32((FIRST_CAPACITY / 2) * KEY.words);
    this.#slots = arena.int32(FIRST_CAPACITY);
    this.#ipv4Slots = arena.int32(FIRST_CAPACITY);
    this.#hashes = arena.int32(FIRST_CAPACITY / 2);
  }

  /** The triple's group, a new one if need be. Addresses are given by where they are in `words`. */
  add(words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    if (isIpv4(words, from) && isIpv4(words, to))
      return this.addIpv4(words[from + 3]!, words[to + 3]!, toPort, netns);
    const last = this.#last;
    if (last >= 0 && this.#is(last, words, from, to, toPort, netns)) return last;
    const hash = hashOf(words, from, to, toPort, netns);
    const found = this.#find(hash, words, from, to, toPort, netns);
    if (found >= 0) return (this.#last = found);
    this.#makeRoom();
    return (this.#last = this.#insert(this.#slots, hash, words, from, to, toPort, netns));
  }

  /** As `add`, for two IPv4 addresses, given by the words that tell them from others. */
  addIpv4(from: number, to: number, toPort: number, netns: number): number {
    const last = this.#lastIpv4;
    if (last >= 0 && this.#isIpv4(last, from, to, toPort, netns)) return last;
    const hash = hashOfIpv4(from, to, toPort, netns);
    const found = this.#findIpv4(hash, from, to, toPort, netns);
    if (found >= 0) return (this.#lastIpv4 = found);
    this.#makeRoom();
    writeIpv4(made, 0, from);
    writeIpv4(made, 4, to);
    return (this.#lastIpv4 = this.#insert(this.#ipv4Slots, hash, made, 0, 4, toPort, netns));
  }

  /** The triple's group, or -1. */
  find(words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    if (isIpv4(words, from) && isIpv4(words, to)) {
      const [a, b] = [words[from + 3]!, words[to + 3]!];
      return this.#findIpv4(hashOfIpv4(a, b, toPort, netns), a, b, toPort, netns);
    }
    return this.#find(hashOf(words, from, to, toPort, netns), words, from, to, toPort, netns);
  }

  #find(hash: number, words: Int32Array, from: number, to: number, toPort: number, netns: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const group = slots[slot]! - 1;
      if (group < 0 || this.#is(group, words, from, to, toPort, netns)) return group;
    }
  }

  #findIpv4(hash: number, from: number, to: number, toPort: number, netns: number): number {
    const slots = this.#ipv4Slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const group = slots[slot]! - 1;
      if (group < 0 || this.#isIpv4(group, from, to, toPort, netns)) return group;
    }
  }

  #is(group: number, words: Int32Array, from: number, to: number, toPort: number, netns: number): boolean {
    const { keys } = this;
    const at = group * KEY.words;
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

  /** @param group one of two IPv4 addresses */
  #isIpv4(group: number, from: number, to: number, toPort: number, netns: number): boolean {
    const { keys } = this;
    const at = group * KEY.words;
    return keys[at + 3] === from && keys[at + 7] === to && keys[at + 8] === toPort && keys[at + 9] === netns;
  }

  #insert(
    slots: Int32Array,
    hash: number,
    words: Int32Array,
    from: number,
    to: number,
    toPort: number,
    netns: number,
  ): number {
    const group = this.count++;
    const at = group * KEY.words;
    for (let i = 0; i < 4; i++) {
      this.keys[at + KEY.fromAddress + i] = words[from + i]!;
      this.keys[at + KEY.toAddress + i] = words[to + i]!;
    }
    this.keys[at + KEY.toPort] = toPort;
    this.keys[at + KEY.netns] = netns;
    this.#hashes[group] = hash;
    put(slots, hash, group);
    return group;
  }

  /** Doubles everything when there is no room for one more group. */
  #makeRoom(): void {
    const known = this.count;
    if (known < this.#hashes.length) return;
    const { arena, keys } = this;
    const hashes = this.#hashes;
    const capacity = this.#slots.length * 2;
    this.keys = arena.int32((capacity / 2) * KEY.words);
    this.keys.set(keys);
    this.#hashes = arena.int32(capacity / 2);
    this.#hashes.set(hashes);
    this.#slots = arena.int32(capacity);
    this.#ipv4Slots = arena.int32(capacity);
    for (let group = 0; group < known; group++) {
      const at = group * KEY.words;
      const isOfIpv4 = isIpv4(keys, at + KEY.fromAddress) && isIpv4(keys, at + KEY.toAddress);
      put(isOfIpv4 ? this.#ipv4Slots : this.#slots, hashes[group]!, group);
    }
  }
}

function put(slots: Int32Array, hash: number, group: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = group + 1;
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
  return finish(hash ^ Math.imul(toPort, S8) ^ Math.imul(netns, S9));
}

function hashOfIpv4(from: number, to: number, toPort: number, netns: number): number {
  return finish(Math.imul(from, S3) ^ Math.imul(to, S7) ^ Math.imul(toPort, S8) ^ Math.imul(netns, S9));
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
