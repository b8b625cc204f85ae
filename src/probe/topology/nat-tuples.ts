/**
 * Translated flows as an index by tuple: from what a socket says its two ends are, to what they really are. A connection
 * can be translated several times on one host, once per namespace it passes; the index follows it to its ends.
 */
import { isLoopbackAddress, sameAddress } from './address.js';
import { FLOW_HALVES, FLOW_OFFSET, FLOW_WORDS, type FlowBatch } from './nat-flow.js';

/** Where a flow's tuples are: words of the first tuple's source; halves of its source port. */
const ORIGINAL = {
  words: FLOW_OFFSET.originalSource / 4,
  ports: FLOW_OFFSET.originalSourcePort / 2,
} as const;
const REPLY = { words: FLOW_OFFSET.replySource / 4, ports: FLOW_OFFSET.replySourcePort / 2 } as const;
const NETNS = FLOW_OFFSET.netns / 4;
/** Translations of one connection on one host that are followed: more are a loop. */
const MAX_STEPS = 8;

/** Both ends of a connection, at a place in word and half arrays of their own. */
export class Tuple {
  /** Local address, then remote address, four words each. */
  readonly words = new Int32Array(8);
  /** Local port, remote port. */
  readonly ports = new Uint16Array(2);
  netns = 0;
}

/** Which side of the flow a socket is on: it opened the connection, or accepted it. */
export type Side = 'opener' | 'acceptor';

export class NatTuples {
  readonly count: number;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  /** Hash of a tuple → translated flows whose original (opener) or reply (acceptor) tuple has it. */
  readonly #translated = { opener: new Map<number, number[]>(), acceptor: new Map<number, number[]>() };
  /** The same for the others. They lead nowhere, and a flow that is one here may be translated in another namespace. */
  readonly #plain = { opener: new Map<number, number[]>(), acceptor: new Map<number, number[]>() };

  /** @throws RangeError when the buffer is shorter than its count says */
  constructor({ flows, flowCount }: FlowBatch) {
    this.count = flowCount;
    this.words = new Int32Array(flows, 0, flowCount * FLOW_WORDS);
    this.halves = new Uint16Array(flows, 0, flowCount * FLOW_HALVES);
    for (let flow = 0; flow < flowCount; flow++) {
      const index = this.isTranslated(flow) ? this.#translated : this.#plain;
      this.#note(index.opener, ORIGINAL, flow);
      this.#note(index.acceptor, REPLY, flow);
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

  /** The tuple by which a flow's opener, or its acceptor, knows it. */
  tupleOf(flow: number, side: Side): Tuple {
    const place = side === 'opener' ? ORIGINAL : REPLY;
    const at = flow * FLOW_WORDS + place.words;
    const port = flow * FLOW_HALVES + place.ports;
    const tuple = new Tuple();
    tuple.words.set(this.words.subarray(at, at + 8));
    tuple.ports.set(this.halves.subarray(port, port + 2));
    tuple.netns = this.netnsOf(flow);
    return tuple;
  }

  /**
   * Replaces the remote end by the one behind all translations, and `netns` by the namespace where that end's address
   * was found.
   * @returns false, and changes nothing, when no flow has the tuple, or two in different namespaces contradict each other
   */
  resolve(tuple: Tuple, side: Side): boolean {
    let from = tuple;
    for (let step = 0; step < MAX_STEPS; step++) {
      const flow = this.#find(this.#translated[side], from, side);
      if (flow < 0) break;
      if (from === tuple) from = copyOf(tuple);
      this.#step(from, flow, side);
    }
    if (from === tuple) return this.#find(this.#plain[side], tuple, side) >= 0;
    tuple.words.set(from.words.subarray(4), 4);
    tuple.ports[1] = from.ports[1]!;
    tuple.netns = from.netns;
    return true;
  }

  /** The tuple beyond a flow: as packets leave it on their way to the other end. */
  #step(tuple: Tuple, flow: number, side: Side): void {
    const beyond = side === 'opener' ? REPLY : ORIGINAL;
    const at = flow * FLOW_WORDS + beyond.words;
    const port = flow * FLOW_HALVES + beyond.ports;
    // Reversed: the beyond tuple is seen from the other side.
    tuple.words.set(this.words.subarray(at + 4, at + 8), 0);
    tuple.words.set(this.words.subarray(at, at + 4), 4);
    tuple.ports[0] = this.halves[port + 1]!;
    tuple.ports[1] = this.halves[port]!;
    tuple.netns = this.netnsOf(flow);
  }

  #note(index: Map<number, number[]>, side: typeof ORIGINAL | typeof REPLY, flow: number): void {
    const key = hashOf(
      this.words,
      flow * FLOW_WORDS + side.words,
      this.halves,
      flow * FLOW_HALVES + side.ports,
    );
    const known = index.get(key);
    if (known === undefined) index.set(key, [flow]);
    else known.push(flow);
  }

  /** The flow of the tuple's own namespace, else the only one of another; -1 when there is none to be sure of. */
  #find(index: ReadonlyMap<number, readonly number[]>, tuple: Tuple, side: Side): number {
    const place = side === 'opener' ? ORIGINAL : REPLY;
    let other = -1;
    for (const flow of index.get(hashOf(tuple.words, 0, tuple.ports, 0)) ?? []) {
      const at = flow * FLOW_WORDS + place.words;
      const port = flow * FLOW_HALVES + place.ports;
      const same =
        this.halves[port] === tuple.ports[0] &&
        this.halves[port + 1] === tuple.ports[1] &&
        sameAddress(this.words, at, tuple.words, 0) &&
        sameAddress(this.words, at + 4, tuple.words, 4);
      if (!same) continue;
      if (this.netnsOf(flow) === tuple.netns) return flow;
      if (isLoopbackAddress(tuple.words, 0) || isLoopbackAddress(tuple.words, 4)) continue;
      other = other === -1 || this.#agree(other, flow, side) ? flow : -2;
    }
    return Math.max(other, -1);
  }

  #agree(a: number, b: number, side: Side): boolean {
    const beyond = side === 'opener' ? REPLY : ORIGINAL;
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

function copyOf({ words, ports, netns }: Tuple): Tuple {
  const copy = new Tuple();
  copy.words.set(words);
  copy.ports.set(ports);
  copy.netns = netns;
  return copy;
}

/** Odd multipliers drawn once per process, so that what collides can't be chosen from outside. */
const MULTIPLIERS = Int32Array.from({ length: 9 }, () => (Math.random() * 0x100000000) | 1);

function hashOf(words: Int32Array, at: number, ports: Uint16Array, port: number): number {
  let hash = Math.imul((ports[port]! << 16) | ports[port + 1]!, MULTIPLIERS[8]!);
  for (let i = 0; i < 8; i++) {
    hash ^= Math.imul(words[at + i]!, MULTIPLIERS[i]!);
    hash = (hash << 7) | (hash >>> 25);
  }
  return hash;
}
