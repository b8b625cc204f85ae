/**
 * Connections in columns by slot: their two ends, their flow, and their contribution to it. The contribution can be taken
 * out if the connection turns out to belong to another flow. Found by tuple; both ends have one tuple.
 */
import { compareAddresses, sameAddress } from '../records/address.js';
import { HALF, RECORD, WORD } from '../records/layout.js';
import { type RecordView } from '../records/record-view.js';
import { scopeNetns } from '../records/scope.js';
import { NO_END } from './end-table.js';
import { SlotIndex, Slots, withRoom } from './slot-index.js';

/** No slot. */
export const NO_SLOT = -1;
const FIRST = 256;

/** Contributions of connections to their flows, in columns by connection. */
export class Contributions {
  /** Slot of the flow; NO_SLOT: none yet. */
  flow = new Int32Array(FIRST);
  /** Bits of `Counted`. */
  counted = new Uint8Array(FIRST);
  sent = new Float64Array(FIRST);
  received = new Float64Array(FIRST);
  retransmits = new Uint32Array(FIRST);
  connectMicros = new Uint32Array(FIRST);
  rttMicros = new Uint32Array(FIRST);
  lifeSent = new Float64Array(FIRST);
  lifeReceived = new Float64Array(FIRST);
  lifeRetransmits = new Uint32Array(FIRST);
  earlierSent = new Float64Array(FIRST);
  earlierReceived = new Float64Array(FIRST);
  earlierRetransmits = new Uint32Array(FIRST);
  port = new Uint16Array(FIRST);

  clear(slot: number): void {
    this.flow[slot] = NO_SLOT;
    this.counted[slot] = 0;
    this.sent[slot] = this.received[slot] = this.lifeSent[slot] = this.lifeReceived[slot] = 0;
    this.earlierSent[slot] = this.earlierReceived[slot] = this.earlierRetransmits[slot] = 0;
    this.retransmits[slot] = this.lifeRetransmits[slot] = this.connectMicros[slot] = this.rttMicros[slot] = 0;
    this.port[slot] = 0;
  }

  makeRoom(slots: number): void {
    if (slots <= this.flow.length) return;
    this.flow = withRoom(this.flow, slots);
    this.counted = withRoom(this.counted, slots);
    this.sent = withRoom(this.sent, slots);
    this.received = withRoom(this.received, slots);
    this.retransmits = withRoom(this.retransmits, slots);
    this.connectMicros = withRoom(this.connectMicros, slots);
    this.rttMicros = withRoom(this.rttMicros, slots);
    this.lifeSent = withRoom(this.lifeSent, slots);
    this.lifeReceived = withRoom(this.lifeReceived, slots);
    this.lifeRetransmits = withRoom(this.lifeRetransmits, slots);
    this.earlierSent = withRoom(this.earlierSent, slots);
    this.earlierReceived = withRoom(this.earlierReceived, slots);
    this.earlierRetransmits = withRoom(this.earlierRetransmits, slots);
    this.port = withRoom(this.port, slots);
  }
}

/** The ways a connection is counted in its flow. */
export const Counted = { Opened: 1, Adopted: 2, Live: 4, Closed: 8 } as const;

export class ConnectionTable {
  readonly contributions = new Contributions();
  /** By slot and end (`endOf`): slot of the end, or NO_END. */
  ends = new Int32Array(FIRST * 2);
  /** By slot: the round in which the last known end closed; 0: one lives. */
  closedIn = new Uint32Array(FIRST);
  /** By slot, 1: there are news that are not counted yet. */
  isTouched = new Uint8Array(FIRST);
  /** Lists of the connections of each flow. */
  #nextOfFlow = new Int32Array(FIRST);
  #previousOfFlow = new Int32Array(FIRST);
  #firstOfFlow = new Int32Array(FIRST).fill(NO_SLOT);
  readonly #slots = new Slots();
  readonly #index = new SlotIndex();

  get size(): number {
    return this.#slots.used;
  }

  /** Adds a connection without ends. @param hash of its tuple */
  add(hash: number): number {
    const slot = this.#slots.take();
    if (slot >= this.closedIn.length) this.#grow(slot + 1);
    this.contributions.clear(slot);
    this.ends[slot * 2] = this.ends[slot * 2 + 1] = NO_END;
    this.closedIn[slot] = 0;
    this.#index.add(hash, slot);
    return slot;
  }

  remove(slot: number): void {
    this.leaveFlow(slot);
    this.isTouched[slot] = 0;
    this.#index.remove(slot);
    this.#slots.giveBack(slot);
  }

  /** The first connection whose tuple may have the hash; NO_SLOT: none. */
  first(hash: number): number {
    return this.#index.first(hash);
  }

  /** The one after it; NO_SLOT at the end. */
  next(slot: number): number {
    return this.#index.next(slot);
  }

  /** Slot of one of its ends; NO_END: none yet. */
  anyEnd(slot: number): number {
    const first = this.ends[slot * 2]!;
    return first !== NO_END ? first : this.ends[slot * 2 + 1]!;
  }

  /** Puts a connection into the list of a flow. */
  joinFlow(slot: number, flow: number): void {
    this.leaveFlow(slot);
    if (flow >= this.#firstOfFlow.length) {
      const before = this.#firstOfFlow.length;
      this.#firstOfFlow = withRoom(this.#firstOfFlow, flow + 1);
      this.#firstOfFlow.fill(NO_SLOT, before);
    }
    const first = this.#firstOfFlow[flow]!;
    this.#nextOfFlow[slot] = first;
    this.#previousOfFlow[slot] = NO_SLOT;
    if (first !== NO_SLOT) this.#previousOfFlow[first] = slot;
    this.#firstOfFlow[flow] = slot;
    this.contributions.flow[slot] = flow;
  }

  leaveFlow(slot: number): void {
    const flow = this.contributions.flow[slot]!;
    if (flow === NO_SLOT) return;
    const next = this.#nextOfFlow[slot]!;
    const previous = this.#previousOfFlow[slot]!;
    if (previous === NO_SLOT) this.#firstOfFlow[flow] = next;
    else this.#nextOfFlow[previous] = next;
    if (next !== NO_SLOT) this.#previousOfFlow[next] = previous;
    this.contributions.flow[slot] = NO_SLOT;
  }

  /** Whether a known connection is counted in the flow. */
  hasAny(flow: number): boolean {
    return flow < this.#firstOfFlow.length && this.#firstOfFlow[flow] !== NO_SLOT;
  }

  /** The known connections that are counted in the flow. */
  *ofFlow(flow: number): Iterable<number> {
    if (flow >= this.#firstOfFlow.length) return;
    for (let slot = this.#firstOfFlow[flow]!; slot !== NO_SLOT; slot = this.#nextOfFlow[slot]!) yield slot;
  }

  #grow(slots: number): void {
    this.contributions.makeRoom(slots);
    this.ends = withRoom(this.ends, slots * 2);
    this.closedIn = withRoom(this.closedIn, slots);
    this.isTouched = withRoom(this.isTouched, slots);
    this.#nextOfFlow = withRoom(this.#nextOfFlow, slots);
    this.#previousOfFlow = withRoom(this.#previousOfFlow, slots);
  }
}

/** The end of its connection that a record's socket is: 0 has the lower port, then the lower address. */
export function endOf({ halves, words }: RecordView, record: number): 0 | 1 {
  const half = record * RECORD.halves;
  const ports = halves[half + HALF.localPort]! - halves[half + HALF.remotePort]!;
  if (ports !== 0) return ports < 0 ? 0 : 1;
  const at = record * RECORD.words;
  return compareAddresses(words, at + WORD.localAddress, at + WORD.remoteAddress) <= 0 ? 0 : 1;
}

/** Whether two records have one tuple, as the same end or as both ends. */
export function hasTuple(a: RecordView, i: number, b: RecordView, j: number): boolean {
  const isSameEnd = endOf(a, i) === endOf(b, j);
  return matches(a, i, b, j, isSameEnd) && scopeNetns(a.words, i) === scopeNetns(b.words, j);
}

/** Whether `i` has the same ends as `j`, or reversed. */
export function matches(a: RecordView, i: number, b: RecordView, j: number, isSameEnd: boolean): boolean {
  const [halfA, halfB] = [i * RECORD.halves, j * RECORD.halves];
  const [atA, atB] = [i * RECORD.words, j * RECORD.words];
  const [localPort, remotePort] = isSameEnd
    ? [HALF.localPort, HALF.remotePort]
    : [HALF.remotePort, HALF.localPort];
  const [local, remote] = isSameEnd
    ? [WORD.localAddress, WORD.remoteAddress]
    : [WORD.remoteAddress, WORD.localAddress];
  return (
    a.halves[halfA + HALF.localPort] === b.halves[halfB + localPort] &&
    a.halves[halfA + HALF.remotePort] === b.halves[halfB + remotePort] &&
    sameAddress(a.words, atA + WORD.localAddress, b.words, atB + local) &&
    sameAddress(a.words, atA + WORD.remoteAddress, b.words, atB + remote)
  );
}
