/**
 * What was looked through for a socket, for as long as that socket lives. Connection tracking forgets a flow before its
 * connection ends: it is flushed, its entry times out while nobody sends, its namespace goes, or other rules are loaded.
 * Nothing of that changes where the connection leads. So a translation is taken back only with its socket.
 */
import { isLoopbackAddress, sameAddress } from '../records/address.js';
import { FLOW_BYTES, type FlowBatch } from '../records/nat-flow.js';
import { FlowIndex, type NatPath, type Side, type Tuple } from './flow-index.js';

/** Sockets whose translation is remembered; about 700 bytes each. What has no room is looked through while its flow is known. */
const MAX_SOCKETS = 65_536;

/** Where a socket's connection leads. */
export interface Translation {
  readonly side: Side;
  /** Which of several flows is this socket's is not known, so neither is the process at its end. */
  readonly isShared: boolean;
  /** Local end, then the end behind all translations. */
  readonly words: Int32Array;
  readonly port: number;
  /** Namespace of the last flow, which a loopback address is in. */
  readonly netns: number;
  /** The socket's own remote end: another socket may get the same id. */
  readonly dialled: Int32Array;
  readonly dialledPorts: readonly [local: number, remote: number];
  /** The flows that were followed. */
  readonly flows: Uint8Array;
  /** The last pass that met the socket. */
  pass: number;
}

/** A flow that was followed for sockets that live. */
interface FollowedFlow {
  readonly bytes: Uint8Array;
  sockets: number;
}

export class Translations {
  /** Sockets that had no room. */
  dropped = 0;
  readonly #known = new Map<number, Translation>();
  /** By all that they say. */
  readonly #followed = new Map<string, FollowedFlow>();
  #shared = 0;
  #pass = 0;
  /** The last answer of `withFlows`, while nothing that it was made of is another. */
  #all: { readonly of: FlowBatch; readonly flows: FlowBatch } | undefined;

  constructor(private readonly maxSockets = MAX_SOCKETS) {}

  get size(): number {
    return this.#known.size;
  }

  /** Sockets that have one of several flows, nobody knows which. */
  get shared(): number {
    return this.#shared;
  }

  /** Begins a pass over a snapshot's records. */
  begin(): void {
    this.#pass++;
  }

  /** What is remembered of a socket with this tuple. @param socket see `socketKey` */
  of(socket: number, tuple: Tuple): Translation | undefined {
    const known = this.#known.get(socket);
    if (known === undefined) return undefined;
    const { dialled, dialledPorts } = known;
    const isSame =
      dialledPorts[0] === tuple.ports[0] &&
      dialledPorts[1] === tuple.ports[1] &&
      sameAddress(dialled, 0, tuple.words, 0) &&
      sameAddress(dialled, 4, tuple.words, 4);
    if (!isSame) {
      this.forget(socket);
      return undefined;
    }
    known.pass = this.#pass;
    return known;
  }

  /** @param dialled what the socket has itself @param beyond the same with the end that was found */
  remember(
    socket: number,
    dialled: Tuple,
    beyond: Tuple,
    side: Side,
    flows: Uint8Array,
    isShared = false,
  ): void {
    this.forget(socket);
    if (this.#known.size >= this.maxSockets) {
      this.dropped++;
      return;
    }
    this.#known.set(socket, {
      side,
      isShared,
      words: beyond.words.slice(),
      port: beyond.ports[1]!,
      netns: beyond.netns,
      dialled: dialled.words.slice(),
      dialledPorts: [dialled.ports[0]!, dialled.ports[1]!],
      flows,
      pass: this.#pass,
    });
    if (isShared) this.#shared++;
    this.#follow(flows, 1);
  }

  /** The socket has closed, or is another one's. */
  forget(socket: number): void {
    const known = this.#known.get(socket);
    if (known === undefined) return;
    this.#known.delete(socket);
    if (known.isShared) this.#shared--;
    this.#follow(known.flows, -1);
  }

  /** After a pass over all live sockets: forgets those that it did not meet, which are closed. */
  forgetUnmet(): void {
    for (const [socket, { pass }] of this.#known) if (pass !== this.#pass) this.forget(socket);
  }

  /** `flows` and those that are gone while a socket of theirs still lives. */
  withFlows(flows: FlowBatch): FlowBatch {
    if (this.#followed.size === 0) return flows;
    if (this.#all?.of !== flows) this.#all = { of: flows, flows: this.#joined(flows) };
    return this.#all.flows;
  }

  #joined(flows: FlowBatch): FlowBatch {
    const followed = joined([...this.#followed.values()].map(({ bytes }) => bytes));
    const [index, all] = [FlowIndex.of(flows), FlowIndex.of(followed)];
    const added = new Map<string, Uint8Array>();
    for (let flow = 0; flow < all.count; flow++)
      if (!index.hasOpening(all, flow)) added.set(all.openingKey(flow), all.copyOf(flow));
    if (added.size === 0) return flows;
    return joined([new Uint8Array(flows.flows, 0, flows.flowCount * FLOW_BYTES), ...added.values()]);
  }

  #follow(flows: Uint8Array, change: 1 | -1): void {
    for (let at = 0; at < flows.length; at += FLOW_BYTES) {
      const bytes = flows.subarray(at, at + FLOW_BYTES);
      const key = Buffer.from(bytes.buffer, bytes.byteOffset, FLOW_BYTES).toString('latin1');
      const known = this.#followed.get(key);
      if (known === undefined) this.#followed.set(key, { bytes, sockets: 1 });
      else if ((known.sockets += change) === 0) this.#followed.delete(key);
      else continue;
      this.#all = undefined;
    }
  }
}

function joined(parts: readonly Uint8Array[]): FlowBatch {
  const all = Buffer.concat(parts);
  return { flows: new Uint8Array(all).buffer, flowCount: all.length / FLOW_BYTES };
}

/** Whether a flow that is known now leads at least as far as what was remembered. */
export function leadsAsFar(path: NatPath, { words, port, netns, isShared, flows }: Translation): boolean {
  if (isShared || flows.length === 0) return true;
  for (let step = 0; step < path.length; step++) {
    if (path.ports[step] !== port || !sameAddress(path.words, step * 4, words, 4)) continue;
    if (!isLoopbackAddress(words, 4) || path.netns[step] === netns) return true;
  }
  return false;
}

/**
 * A socket's 64-bit id as a number: cookies count up from 1 with a small count in their top byte, which is moved to where
 * a double has room. Who has the same by chance differs in its tuple.
 */
export function socketKey(low: number, high: number): number {
  return (low >>> 0) + ((high ^ (high >>> 21)) & 0x1fffff) * 2 ** 32;
}
