/**
 * Translated flows as an index by tuple: from what a socket says its two ends are, to what they really are. A connection
 * can be translated several times on one host, once per namespace it passes; the index follows it to its ends.
 */
import { isLoopbackAddress, sameAddress } from '../records/address.js';
import { FLOW_BYTES, FLOW_HALVES, FLOW_OFFSET, FLOW_WORDS, type FlowBatch } from '../records/nat-flow.js';

/** Where a flow's tuples are: words of the first tuple's source; halves of its source port. */
const ORIGINAL = {
  words: FLOW_OFFSET.originalSource / 4,
  ports: FLOW_OFFSET.originalSourcePort / 2,
} as const;
const REPLY = { words: FLOW_OFFSET.replySource / 4, ports: FLOW_OFFSET.replySourcePort / 2 } as const;
const NETNS = FLOW_OFFSET.netns / 4;
/** Translations of one connection on one host that are followed: more are a loop. */
const MAX_STEPS = 8;
/** In place of a flow. */
const NONE = -1;
const CONTRADICTION = -2;

/** Both ends of a connection, at a place in word and half arrays of their own. */
export class Tuple {
  /** Local address, then remote address, four words each. */
  readonly words = new Int32Array(8);
  /** Local port, remote port. */
  readonly ports = new Uint16Array(2);
  netns = 0;

  copyFrom({ words, ports, netns }: Tuple): void {
    this.words.set(words);
    this.ports.set(ports);
    this.netns = netns;
  }
}

/** The remote ends that `resolve` came by, one after the other, and the flows that led there. */
export interface NatPath {
  length: number;
  readonly flows: Int32Array;
  /** Four words each. */
  readonly words: Int32Array;
  readonly ports: Uint16Array;
  readonly netns: Uint32Array;
}

/** The side of the flow that a socket is on, in conntrack's terms: the originator connected, the responder accepted. */
export type Side = 'originator' | 'responder';

export class FlowIndex {
  readonly count: number;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  /** Whether the last `resolve` met flows that contradict each other; `contradicting` returns them. */
  isContradicted = false;
  /** What `resolve` last followed. */
  readonly path: NatPath = {
    length: 0,
    flows: new Int32Array(MAX_STEPS),
    words: new Int32Array(MAX_STEPS * 4),
    ports: new Uint16Array(MAX_STEPS),
    netns: new Uint32Array(MAX_STEPS),
  };
  /** Translated flows by their original tuple (originator) or reply tuple (responder). */
  readonly #translated: Readonly<Record<Side, Chains>>;
  /** The same for the others. They lead nowhere, and a flow that is one here may be translated in another namespace. */
  readonly #plain: Readonly<Record<Side, Chains>>;

  static readonly #made = new WeakMap<FlowBatch, FlowIndex>();

  /** That of a batch, which nobody changes: made once. @throws RangeError as the constructor */
  static of(batch: FlowBatch): FlowIndex {
    let made = FlowIndex.#made.get(batch);
    if (made === undefined) FlowIndex.#made.set(batch, (made = new FlowIndex(batch)));
    return made;
  }

  /** @throws RangeError when the buffer is shorter than its count says */
  constructor({ flows, flowCount }: FlowBatch) {
    this.count = flowCount;
    this.words = new Int32Array(flows, 0, flowCount * FLOW_WORDS);
    this.halves = new Uint16Array(flows, 0, flowCount * FLOW_HALVES);
    this.#translated = { originator: new Chains(flowCount), responder: new Chains(flowCount) };
    this.#plain = { originator: new Chains(flowCount), responder: new Chains(flowCount) };
    for (let flow = 0; flow < flowCount; flow++) {
      const index = this.isTranslated(flow) ? this.#translated : this.#plain;
      index.originator.add(this.#hash(flow, ORIGINAL), flow);
      index.responder.add(this.#hash(flow, REPLY), flow);
    }
  }

  /** Inode of the namespace that flow `flow` is in. */
  netnsOf(flow: number): number {
    return this.words[flow * FLOW_WORDS + NETNS]! >>> 0;
  }

  /** Whether the flow's addresses or ports are translated at all. */
  isTranslated(flow: number): boolean {
    const at = flow * FLOW_WORDS;
    const port = flow * FLOW_HALVES;
    return !(
      this.halves[port + ORIGINAL.ports] === this.halves[port + REPLY.ports + 1] &&
      this.halves[port + ORIGINAL.ports + 1] === this.halves[port + REPLY.ports] &&
      sameAddress(this.words, at + ORIGINAL.words, this.words, at + REPLY.words + 4) &&
      sameAddress(this.words, at + ORIGINAL.words + 4, this.words, at + REPLY.words)
    );
  }

  /** Whether the remote end of a socket on that side is another than it says. */
  translatesFor(flow: number, side: Side): boolean {
    const [near, far] = side === 'originator' ? [ORIGINAL, REPLY] : [REPLY, ORIGINAL];
    const at = flow * FLOW_WORDS;
    const port = flow * FLOW_HALVES;
    return !(
      this.halves[port + near.ports + 1] === this.halves[port + far.ports] &&
      sameAddress(this.words, at + near.words + 4, this.words, at + far.words)
    );
  }

  /** Whether a flow was opened here with the tuple, and in the namespace, that flow `flow` of another index has. */
  hasOpening(other: FlowIndex, flow: number): boolean {
    return this.#sameOpening(other, flow, () => true);
  }

  /** Whether flow `flow` of another index is here, too, with all that it says. */
  has(other: FlowIndex, flow: number): boolean {
    const from = flow * FLOW_WORDS;
    return this.#sameOpening(other, flow, (own) => {
      const at = own * FLOW_WORDS;
      for (let word = 0; word < FLOW_WORDS; word++)
        if (this.words[at + word] !== other.words[from + word]) return false;
      return true;
    });
  }

  #sameOpening(other: FlowIndex, flow: number, isWanted: (flow: number) => boolean): boolean {
    const tuple = other.tupleOf(flow, 'originator');
    const hash = hashOf(tuple.words, 0, tuple.ports, 0);
    for (const { originator } of [this.#translated, this.#plain])
      for (let own = originator.first(hash); own >= 0; own = originator.next(own))
        if (this.netnsOf(own) === tuple.netns && this.#has(own, tuple, 'originator') && isWanted(own))
          return true;
    return false;
  }

  /** Unique to the tuple that a flow was opened with, and its namespace. */
  openingKey(flow: number): string {
    const tuple = this.tupleOf(flow, 'originator');
    return `${tuple.netns} ${keyOf(tuple)}`;
  }

  /** A flow's tuple as its originator, or its responder, sees it. */
  tupleOf(flow: number, side: Side): Tuple {
    const place = side === 'originator' ? ORIGINAL : REPLY;
    const at = flow * FLOW_WORDS + place.words;
    const port = flow * FLOW_HALVES + place.ports;
    const tuple = new Tuple();
    tuple.words.set(this.words.subarray(at, at + 8));
    tuple.ports.set(this.halves.subarray(port, port + 2));
    tuple.netns = this.netnsOf(flow);
    return tuple;
  }

  /** The same tuple as packets leave the flow with, on their way to the other end. */
  tupleBeyond(flow: number, side: Side): Tuple {
    const tuple = new Tuple();
    this.#step(tuple, flow, side);
    return tuple;
  }

  /**
   * Replaces the remote end by the one behind all translations, and `netns` by the namespace where that end's address
   * was found.
   * @returns false, and changes nothing, when no flow has the tuple, or several contradict each other: in different
   *   namespaces, or in different zones of one
   */
  resolve(tuple: Tuple, side: Side): boolean {
    this.isContradicted = false;
    this.path.length = 0;
    let from = tuple;
    for (let step = 0; step < MAX_STEPS; step++) {
      const flow = this.#find(this.#translated[side], from, side);
      if (flow < 0) break;
      if (from === tuple) from = copyOf(tuple);
      this.#step(from, flow, side);
      this.#noteStep(flow, from);
    }
    if (from === tuple) return this.#find(this.#plain[side], tuple, side) >= 0;
    tuple.words.set(from.words.subarray(4), 4);
    tuple.ports[1] = from.ports[1]!;
    tuple.netns = from.netns;
    return true;
  }

  /** Copies of the flows that `resolve` last followed, one after the other. */
  followed(): Uint8Array {
    const flows = new Uint8Array(this.path.length * FLOW_BYTES);
    for (let step = 0; step < this.path.length; step++)
      flows.set(this.copyOf(this.path.flows[step]!), step * FLOW_BYTES);
    return flows;
  }

  /** A flow in its flat form, in memory of its own. */
  copyOf(flow: number): Uint8Array {
    return new Uint8Array(this.words.buffer.slice(flow * FLOW_BYTES, (flow + 1) * FLOW_BYTES));
  }

  #noteStep(flow: number, { words, ports, netns }: Tuple): void {
    const step = this.path.length++;
    this.path.flows[step] = flow;
    this.path.ports[step] = ports[1]!;
    this.path.netns[step] = netns;
    for (let word = 0; word < 4; word++) this.path.words[step * 4 + word] = words[4 + word]!;
  }

  #step(tuple: Tuple, flow: number, side: Side): void {
    const beyond = side === 'originator' ? REPLY : ORIGINAL;
    const at = flow * FLOW_WORDS + beyond.words;
    const port = flow * FLOW_HALVES + beyond.ports;
    // Reversed: the beyond tuple is seen from the other side.
    tuple.words.set(this.words.subarray(at + 4, at + 8), 0);
    tuple.words.set(this.words.subarray(at, at + 4), 4);
    tuple.ports[0] = this.halves[port + 1]!;
    tuple.ports[1] = this.halves[port]!;
    tuple.netns = this.netnsOf(flow);
  }

  #hash(flow: number, side: typeof ORIGINAL | typeof REPLY): number {
    return hashOf(this.words, flow * FLOW_WORDS + side.words, this.halves, flow * FLOW_HALVES + side.ports);
  }

  /**
   * The translated flows of other namespaces than the tuple's own that have the tuple and lead to different ends.
   * @returns one flow for each end, in an order that does not depend on theirs
   */
  contradicting(tuple: Tuple, side: Side): number[] {
    const index = this.#translated[side];
    const flows: number[] = [];
    const hash = hashOf(tuple.words, 0, tuple.ports, 0);
    for (let flow = index.first(hash); flow >= 0; flow = index.next(flow)) {
      if (!this.#has(flow, tuple, side) || this.netnsOf(flow) === tuple.netns) continue;
      if (!flows.some((known) => this.#agree(known, flow, side))) flows.push(flow);
    }
    const keys = new Map(flows.map((flow) => [flow, keyOf(this.tupleBeyond(flow, side))]));
    return flows.sort((a, b) => (keys.get(a)! < keys.get(b)! ? -1 : 1));
  }

  /** The flow of the tuple's own namespace, else the only one of another; -1 when there is none to be sure of. */
  #find(index: Chains, tuple: Tuple, side: Side): number {
    let own = NONE;
    let other = NONE;
    if (index.isEmpty) return NONE;
    const hash = hashOf(tuple.words, 0, tuple.ports, 0);
    for (let flow = index.first(hash); flow >= 0; flow = index.next(flow)) {
      if (!this.#has(flow, tuple, side)) continue;
      if (this.netnsOf(flow) === tuple.netns) own = this.#joined(own, flow, side);
      else if (!isLoopbackAddress(tuple.words, 0) && !isLoopbackAddress(tuple.words, 4))
        other = this.#joined(other, flow, side);
    }
    const found = own === NONE ? other : own;
    if (found === CONTRADICTION) this.isContradicted = true;
    return Math.max(found, NONE);
  }

  #has(flow: number, tuple: Tuple, side: Side): boolean {
    const place = side === 'originator' ? ORIGINAL : REPLY;
    const at = flow * FLOW_WORDS + place.words;
    const port = flow * FLOW_HALVES + place.ports;
    return (
      this.halves[port] === tuple.ports[0] &&
      this.halves[port + 1] === tuple.ports[1] &&
      sameAddress(this.words, at, tuple.words, 0) &&
      sameAddress(this.words, at + 4, tuple.words, 4)
    );
  }

  /** What is known when `flow` is found after `known`, which may be none or a contradiction. */
  #joined(known: number, flow: number, side: Side): number {
    if (known === CONTRADICTION) return CONTRADICTION;
    return known === NONE || this.#agree(known, flow, side) ? flow : CONTRADICTION;
  }

  #agree(a: number, b: number, side: Side): boolean {
    const beyond = side === 'originator' ? REPLY : ORIGINAL;
    const [atA, atB] = [a * FLOW_WORDS + beyond.words, b * FLOW_WORDS + beyond.words];
    const [portA, portB] = [a * FLOW_HALVES + beyond.ports, b * FLOW_HALVES + beyond.ports];
    return (
      sameAddress(this.words, atA, this.words, atB) &&
      sameAddress(this.words, atA + 4, this.words, atB + 4) &&
      this.halves[portA] === this.halves[portB] &&
      this.halves[portA + 1] === this.halves[portB + 1]
    );
  }
}

/** Unique to what a tuple says of its two ends. */
export function keyOf({ words, ports }: Tuple): string {
  return `${words.join()} ${ports.join()}`;
}

/** Flows with the same hash, one after the other. */
class Chains {
  isEmpty = true;
  /** Both hold flow + 1; 0 ends a chain. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;

  constructor(flows: number) {
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(flows * 2 + 1)));
    this.#next = new Int32Array(flows);
  }

  add(hash: number, flow: number): void {
    const head = hash & (this.#heads.length - 1);
    this.#next[flow] = this.#heads[head]!;
    this.#heads[head] = flow + 1;
    this.isEmpty = false;
  }

  /** -1 when there is none. */
  first(hash: number): number {
    return this.#heads[hash & (this.#heads.length - 1)]! - 1;
  }

  next(flow: number): number {
    return this.#next[flow]! - 1;
  }
}

function copyOf(tuple: Tuple): Tuple {
  const copy = new Tuple();
  copy.copyFrom(tuple);
  return copy;
}

/** Odd multipliers drawn once per process, so that what collides can't be chosen from outside. */
const [M0, M1, M2, M3, M4] = Int32Array.from(
  { length: 5 },
  () => (Math.random() * 0x100000000) | 1,
) as unknown as [number, number, number, number, number];

function hashOf(words: Int32Array, at: number, ports: Uint16Array, port: number): number {
  const source =
    Math.imul(words[at]!, M0) ^
    Math.imul(words[at + 1]!, M1) ^
    Math.imul(words[at + 2]!, M2) ^
    Math.imul(words[at + 3]!, M3);
  const destination =
    Math.imul(words[at + 4]!, M1) ^
    Math.imul(words[at + 5]!, M2) ^
    Math.imul(words[at + 6]!, M3) ^
    Math.imul(words[at + 7]!, M0);
  const both = Math.imul((ports[port]! << 16) | ports[port + 1]!, M4) ^ (source ^ (destination << 1));
  const mixed = Math.imul(both ^ (both >>> 15), M4);
  return mixed ^ (mixed >>> 13);
}
