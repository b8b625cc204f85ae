/**
 * Counts the sockets at each end of every connection of a batch. Both ends of a connection have the same tuple,
 * whichever opened it: end 0 is the one with the lower port, then the lower address.
 */
import type { Arena } from '../records/arena.js';
import { compareAddresses, sameAddress } from '../records/address.js';
import { scopeNetns } from '../records/scope.js';
import { OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { state: STATE } = OFFSET;
const { localAddress: LOCAL_ADDRESS, remoteAddress: REMOTE_ADDRESS } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const { Close: CLOSE } = TcpState;
const BYTES = RECORD_BYTES;
const HALVES_EACH = HALVES;
const WORDS_EACH = WORDS;

/** Words per key: both addresses, both ports, namespace. */
const KEY_WORDS = 10;

/** Odd multipliers drawn once per process, so that what collides can't be chosen from outside. */
const [M0, M1, M2, M3, M4] = Int32Array.from(
  { length: 5 },
  () => (Math.random() * 0x100000000) | 1,
) as unknown as [number, number, number, number, number];

export class TupleTable {
  readonly #keys: Int32Array;
  readonly #slots: Int32Array;
  /** Two per tuple: sockets at each end, and those of them that are closed. */
  readonly #sockets: Int32Array;
  readonly #closed: Int32Array;
  #count = 0;

  /**
   * @param capacity records that can be added
   * @param arena the table is valid until it begins anew
   */
  constructor(capacity: number, arena: Arena) {
    this.#keys = arena.int32(capacity * KEY_WORDS, 'unset');
    this.#sockets = arena.int32(capacity * 2);
    this.#closed = arena.int32(capacity * 2);
    this.#slots = arena.int32(2 ** Math.ceil(Math.log2(capacity * 2 + 2)));
  }

  /** Counts a record at its end; returns its tuple. */
  add(view: RecordView, index: number): number {
    const slot = this.#slot(view, index);
    let tuple = this.#slots[slot]! - 1;
    if (tuple < 0) {
      tuple = this.#count++;
      this.#slots[slot] = tuple + 1;
      this.#writeKey(tuple, view, index);
    }
    const at = tuple * 2 + this.endOf(view, index);
    this.#sockets[at]!++;
    if (view.bytes[index * BYTES + STATE] === CLOSE) this.#closed[at]!++;
    return tuple;
  }

  /** The record's tuple, or -1 when no record of it was added. */
  find(view: RecordView, index: number): number {
    return this.#slots[this.#slot(view, index)]! - 1;
  }

  /** Which end the record's socket is: 0 or 1. */
  endOf({ halves, words }: RecordView, index: number): 0 | 1 {
    const half = index * HALVES_EACH;
    const ports = halves[half + LOCAL_PORT]! - halves[half + REMOTE_PORT]!;
    if (ports !== 0) return ports < 0 ? 0 : 1;
    const at = index * WORDS_EACH;
    return compareAddresses(words, at + LOCAL_ADDRESS, at + REMOTE_ADDRESS) <= 0 ? 0 : 1;
  }

  /** Whether this end has more sockets than the other. */
  isAlone(tuple: number, end: number): boolean {
    return this.#sockets[tuple * 2 + end]! > this.#sockets[tuple * 2 + 1 - end]!;
  }

  /** As `isAlone`, and takes one of this end's sockets out of the count: closed ones go first. */
  takeAlone(tuple: number, end: number): boolean {
    if (!this.isAlone(tuple, end)) return false;
    this.#sockets[tuple * 2 + end]!--;
    this.#closed[tuple * 2 + end]!--;
    return true;
  }

  /** Whether more sockets closed at this end than at the other; one of them is taken out of that count. */
  takeLeftBehind(tuple: number, end: number): boolean {
    const at = tuple * 2;
    if (this.#closed[at + end]! <= this.#closed[at + 1 - end]!) return false;
    this.#closed[at + end]!--;
    return true;
  }

  #slot(view: RecordView, index: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = tupleHash(view, index) & mask; ; slot = (slot + 1) & mask) {
      const tuple = slots[slot]! - 1;
      if (tuple < 0 || this.#is(tuple, view, index)) return slot;
    }
  }

  #is(tuple: number, view: RecordView, index: number): boolean {
    const { halves, words } = view;
    const at = index * WORDS_EACH;
    const half = index * HALVES_EACH;
    const key = tuple * KEY_WORDS;
    const swapped = this.endOf(view, index);
    const low = at + (swapped === 1 ? REMOTE_ADDRESS : LOCAL_ADDRESS);
    const high = at + (swapped === 1 ? LOCAL_ADDRESS : REMOTE_ADDRESS);
    const keys = this.#keys;
    return (
      keys[key + 8] === portPair(halves[half + LOCAL_PORT]!, halves[half + REMOTE_PORT]!) &&
      keys[key + 9] === scopeNetns(words, index) &&
      sameAddress(keys, key, words, low) &&
      sameAddress(keys, key + 4, words, high)
    );
  }

  #writeKey(tuple: number, view: RecordView, index: number): void {
    const { halves, words } = view;
    const at = index * WORDS_EACH;
    const half = index * HALVES_EACH;
    const key = tuple * KEY_WORDS;
    const swapped = this.endOf(view, index);
    const low = at + (swapped === 1 ? REMOTE_ADDRESS : LOCAL_ADDRESS);
    const high = at + (swapped === 1 ? LOCAL_ADDRESS : REMOTE_ADDRESS);
    const keys = this.#keys;
    for (let i = 0; i < 4; i++) {
      keys[key + i] = words[low + i]!;
      keys[key + 4 + i] = words[high + i]!;
    }
    keys[key + 8] = portPair(halves[half + LOCAL_PORT]!, halves[half + REMOTE_PORT]!);
    keys[key + 9] = scopeNetns(words, index);
  }
}

function portPair(a: number, b: number): number {
  return a < b ? (a << 16) | b : (b << 16) | a;
}

/** 32 bits, the same for both ends of a connection. */
export function tupleHash({ halves, words }: RecordView, index: number): number {
  const at = index * WORDS_EACH;
  const half = index * HALVES_EACH;
  const local = hashEnd(words, at + LOCAL_ADDRESS, halves[half + LOCAL_PORT]!);
  const remote = hashEnd(words, at + REMOTE_ADDRESS, halves[half + REMOTE_PORT]!);
  const sum = (((local + remote) | 0) + scopeNetns(words, index)) | 0;
  const mixed = Math.imul(sum ^ (sum >>> 16), M4);
  return mixed ^ (mixed >>> 15);
}

function hashEnd(words: Int32Array, at: number, port: number): number {
  const hash =
    Math.imul(words[at]!, M0) ^
    Math.imul(words[at + 1]!, M1) ^
    Math.imul(words[at + 2]!, M2) ^
    Math.imul(words[at + 3]! ^ (port << 8), M3);
  const mixed = Math.imul(hash ^ (hash >>> 15) ^ port, M4);
  return (mixed ^ (mixed >>> 13)) | 0;
}
