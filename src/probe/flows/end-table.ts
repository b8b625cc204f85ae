/**
 * The known ends (sockets): live ones, and ends that closed a moment ago and wait for their other end. Each has a copy of
 * its newest record at its slot, in memory that grows.
 */
import { OFFSET, RECORD, WORD } from '../records/layout.js';
import { RecordView } from '../records/record-view.js';
import { TcpState } from '../records/tcp-state.js';
import { mixed, randomMultipliers } from './seeded-hash.js';
import { SlotIndex, Slots, withRoom } from './slot-index.js';

const FIRST_ENDS = 256;

const [LOW, HIGH] = randomMultipliers(2) as unknown as [number, number];

const FREE = 0;

/** No slot. */
export const NO_END = -1;

export class EndTable {
  /** Records by slot. Replaced when the table grows. */
  view = viewOf(FIRST_ENDS);
  /** By slot: the connection; and in `base…` what the socket had transferred before it was known. */
  connections = new Int32Array(FIRST_ENDS);
  baseSent = new Float64Array(FIRST_ENDS);
  baseReceived = new Float64Array(FIRST_ENDS);
  baseRetransmits = new Uint32Array(FIRST_ENDS);
  /** By slot, 1: the socket is older than its source. */
  isOlder = new Uint8Array(FIRST_ENDS);
  /** By slot: number of the dialled address; 0: it is the record's remote end. */
  dialled = new Int32Array(FIRST_ENDS);
  /** Slots in the order of this round and the last one: sources report live sockets always in the same order. */
  #seen = new Int32Array(FIRST_ENDS);
  #seenCount = 0;
  #seenBefore = new Int32Array(FIRST_ENDS);
  #seenBeforeCount = 0;
  /** Place in `#seenBefore` where the next socket is expected. */
  #expected = 0;
  /** By slot: its place in `#seenBefore`. */
  #places = new Int32Array(FIRST_ENDS);
  /** By slot: the round that saw it last; FREE: the slot is free. */
  #rounds = new Uint32Array(FIRST_ENDS);
  /** By slot, 1: it can be found by its socket. */
  #isIndexed = new Uint8Array(FIRST_ENDS);
  readonly #slots = new Slots();
  readonly #index = new SlotIndex();
  #round = FREE;

  get size(): number {
    return this.#slots.used;
  }

  /** Begins a round. `forgotten` are the ends that it does not see. */
  beginRound(): void {
    this.#round++;
    [this.#seen, this.#seenBefore] = [this.#seenBefore, this.#seen];
    this.#seenBeforeCount = this.#seenCount;
    this.#seenCount = this.#expected = 0;
  }

  /** The slot of the record's socket, which this round has seen then; `NO_END`: unknown. */
  find({ words }: RecordView, record: number): number {
    const at = record * RECORD.words + WORD.socketId;
    const low = words[at]!;
    const high = words[at + 1]!;
    // The next socket of the last round, or, if that one is gone, the one after it.
    for (let place = this.#expected; place < this.#expected + 2 && place < this.#seenBeforeCount; place++) {
      const slot = this.#seenBefore[place]!;
      if (this.#isIndexed[slot] === 1 && this.#hasId(slot, low, high)) return this.#see(slot, place);
    }
    const slot = this.findId(low, high);
    return slot === NO_END ? NO_END : this.#see(slot, this.#places[slot]!);
  }

  #hasId(slot: number, low: number, high: number): boolean {
    const known = this.view.words;
    const at = slot * RECORD.words + WORD.socketId;
    return known[at] === low && known[at + 1] === high;
  }

  /** @param place in the last round */
  #see(slot: number, place: number): number {
    this.#expected = place + 1;
    if (this.#rounds[slot] === this.#round) return slot;
    this.#rounds[slot] = this.#round;
    this.#append(slot);
    return slot;
  }

  #append(slot: number): void {
    if (this.#seenCount >= this.#seen.length) this.#seen = withRoom(this.#seen, this.#seenCount + 1);
    this.#places[slot] = this.#seenCount;
    this.#seen[this.#seenCount++] = slot;
  }

  /** Whether the slot has an end. */
  has(slot: number): boolean {
    return this.#rounds[slot] !== FREE;
  }

  /** Slot of the socket with this id; `NO_END`: unknown. */
  findId(low: number, high: number): number {
    for (let slot = this.#index.first(hashOf(low, high)); slot >= 0; slot = this.#index.next(slot))
      if (this.#hasId(slot, low, high)) return slot;
    return NO_END;
  }

  /**
   * Adds an end with a copy of the record. A closed end is not found by its socket, which may have another connection.
   * @param hasPast the socket is older than its source: its bytes so far don't count
   */
  add(from: RecordView, record: number, hasPast: boolean): number {
    const slot = this.#slots.take();
    if (slot >= this.connections.length) this.#grow(slot + 1);
    this.copy(from, record, slot);
    this.#rounds[slot] = this.#round;
    this.dialled[slot] = 0;
    this.connections[slot] = NO_END;
    this.isOlder[slot] = hasPast ? 1 : 0;
    this.baseSent[slot] = hasPast ? from.u64(record, WORD.bytesSent) : 0;
    this.baseReceived[slot] = hasPast ? from.u64(record, WORD.bytesReceived) : 0;
    this.baseRetransmits[slot] = hasPast ? from.words[record * RECORD.words + WORD.retransmits]! : 0;
    this.#isIndexed[slot] = 0;
    if (from.bytes[record * RECORD.bytes + OFFSET.state] === TcpState.Close) return slot;
    const at = record * RECORD.words + WORD.socketId;
    this.#index.add(hashOf(from.words[at]!, from.words[at + 1]!), slot);
    this.#isIndexed[slot] = 1;
    this.#append(slot);
    return slot;
  }

  /** Copies a newer record of the socket. */
  copy(from: RecordView, record: number, slot: number): void {
    const words = this.view.words;
    const at = record * RECORD.words;
    const to = slot * RECORD.words;
    for (let word = 0; word < RECORD.words; word++) words[to + word] = from.words[at + word]!;
  }

  /** As `copy`, for the same connection: a known process stays if the record has none. */
  refresh(from: RecordView, record: number, slot: number): void {
    const { words, bytes } = this.view;
    const to = slot * RECORD.words;
    const pid = words[to + WORD.pid]!;
    if (pid === 0 || from.words[record * RECORD.words + WORD.pid] !== 0) {
      this.copy(from, record, slot);
      return;
    }
    const start = words.slice(to + WORD.pidStartNanos, to + WORD.pidStartNanos + 2);
    const at = slot * RECORD.bytes;
    const comm = bytes.slice(at + OFFSET.comm, at + RECORD.bytes);
    const evidence = bytes[at + OFFSET.pidEvidence]!;
    this.copy(from, record, slot);
    words[to + WORD.pid] = pid;
    words.set(start, to + WORD.pidStartNanos);
    bytes.set(comm, at + OFFSET.comm);
    bytes[at + OFFSET.pidEvidence] = evidence;
  }

  /** The end has closed: it stays with its connection, but is not found by its socket any more. */
  retire(slot: number): void {
    if (this.#isIndexed[slot] === 0) return;
    this.#index.remove(slot);
    this.#isIndexed[slot] = 0;
  }

  /** Whether the record has no news. */
  isSame(from: RecordView, record: number, slot: number): boolean {
    const words = this.view.words;
    const at = record * RECORD.words;
    const to = slot * RECORD.words;
    for (let word = 0; word < RECORD.words; word++)
      if (words[to + word] !== from.words[at + word]) return false;
    return true;
  }

  /** Whether the end is known and has not closed. @param slot NO_END: unknown */
  isLive(slot: number): boolean {
    return slot !== NO_END && this.view.bytes[slot * RECORD.bytes + OFFSET.state] !== TcpState.Close;
  }

  remove(slot: number): void {
    this.retire(slot);
    this.connections[slot] = NO_END;
    this.#rounds[slot] = FREE;
    this.#slots.giveBack(slot);
  }

  /** Slots that this round did not see. */
  *forgotten(): Iterable<number> {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      const round = this.#rounds[slot]!;
      if (round !== FREE && round !== this.#round) yield slot;
    }
  }

  isUsed(slot: number): boolean {
    return this.#rounds[slot] !== FREE;
  }

  /** All slots below are, or were, in use. */
  get end(): number {
    return this.#slots.end;
  }

  #grow(slots: number): void {
    const before = this.view;
    this.connections = withRoom(this.connections, slots);
    this.view = viewOf(this.connections.length);
    this.view.words.set(before.words);
    this.baseSent = withRoom(this.baseSent, slots);
    this.baseReceived = withRoom(this.baseReceived, slots);
    this.baseRetransmits = withRoom(this.baseRetransmits, slots);
    this.isOlder = withRoom(this.isOlder, slots);
    this.dialled = withRoom(this.dialled, slots);
    this.#rounds = withRoom(this.#rounds, slots);
    this.#places = withRoom(this.#places, slots);
    this.#isIndexed = withRoom(this.#isIndexed, slots);
  }
}

function viewOf(slots: number): RecordView {
  return new RecordView({ records: new ArrayBuffer(slots * RECORD.bytes), recordCount: slots });
}

function hashOf(low: number, high: number): number {
  return mixed(Math.imul(low, LOW) ^ Math.imul(high, HIGH));
}
