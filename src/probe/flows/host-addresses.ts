/**
 * Addresses of this host's sockets: a connection to one of them has its other end on this host. Addresses are learnt from
 * sockets, and stay.
 */
import { isLoopbackAddress, sameAddress } from '../records/address.js';
import { RECORD, WORD } from '../records/layout.js';
import { type RecordView } from '../records/record-view.js';
import { mixed, randomMultipliers } from './seeded-hash.js';
import { SlotIndex, withRoom } from './slot-index.js';

/** Five words each: the address and its namespace. */
const KEY = 5;
/** More than any host has: beyond that all are forgotten, and learnt again. */
const MAX_ADDRESSES = 65_536;

const [M0, M1, M2, M3] = randomMultipliers(4) as unknown as [number, number, number, number];

export class HostAddresses {
  #keys = new Int32Array(64 * KEY);
  #count = 0;
  /** How often all were forgotten. */
  #forgotten = 0;
  #index = new SlotIndex();
  /** The key found last: neighbours in a batch often have one address. */
  #last = -1;

  /** How often all were forgotten: after that, learn the addresses of known sockets again. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Learns the local address of a record. */
  learn({ words }: RecordView, record: number): void {
    const at = record * RECORD.words;
    const address = at + WORD.localAddress;
    const netns = words[at + WORD.netns]!;
    if (this.#last >= 0 && this.#is(this.#last, words, address, netns)) return;
    if (!isLoopbackAddress(words, address)) this.#add(words, address, netns);
  }

  /** Whether a socket of this host has the address; loopback addresses are always of this host. */
  has(words: Int32Array, at: number): boolean {
    if (isLoopbackAddress(words, at)) return true;
    const keys = this.#keys;
    for (let slot = this.#index.first(hashOf(words, at)); slot >= 0; slot = this.#index.next(slot))
      if (sameAddress(keys, slot * KEY, words, at)) return true;
    return false;
  }

  /** As `has`, for one network namespace. */
  isIn(netns: number, words: Int32Array, at: number): boolean {
    if (isLoopbackAddress(words, at)) return true;
    for (let slot = this.#index.first(hashOf(words, at)); slot >= 0; slot = this.#index.next(slot))
      if (this.#is(slot, words, at, netns)) return true;
    return false;
  }

  #add(words: Int32Array, at: number, netns: number): void {
    const hash = hashOf(words, at);
    for (let slot = this.#index.first(hash); slot >= 0; slot = this.#index.next(slot)) {
      if (!this.#is(slot, words, at, netns)) continue;
      this.#last = slot;
      return;
    }
    if (this.#count >= MAX_ADDRESSES) {
      this.#count = 0;
      this.#forgotten++;
      this.#index = new SlotIndex();
    }
    const slot = this.#count++;
    this.#keys = withRoom(this.#keys, (slot + 1) * KEY);
    this.#keys.set(words.subarray(at, at + 4), slot * KEY);
    this.#keys[slot * KEY + 4] = netns;
    this.#index.add(hash, slot);
    this.#last = slot;
  }

  #is(slot: number, words: Int32Array, at: number, netns: number): boolean {
    return this.#keys[slot * KEY + 4] === netns && sameAddress(this.#keys, slot * KEY, words, at);
  }
}

function hashOf(words: Int32Array, at: number): number {
  return mixed(
    Math.imul(words[at]!, M0) ^
      Math.imul(words[at + 1]!, M1) ^
      Math.imul(words[at + 2]!, M2) ^
      Math.imul(words[at + 3]!, M3),
  );
}
