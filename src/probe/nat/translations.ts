/**
 * What was looked through for a socket, for as long as that socket lives. Connection tracking forgets a flow before its
 * connection ends: it is flushed, its entry times out while nobody sends, its namespace goes, or other rules are loaded.
 * Nothing of that changes where the connection leads. So a translation is taken back only with its socket.
 */
import { isLoopbackAddress, sameAddress } from '../records/address.js';
import { FLOW_BYTES, FLOW_OFFSET, type FlowBatch } from '../records/nat-flow.js';
import type { NatPath, Side, Tuple } from './flow-index.js';

/** Sockets whose translation is remembered; about 400 bytes each. What has no room is looked through while its flow is known. */
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
  /** What the socket itself has, to tell it from another one with the same id. */
  readonly dialled: Int32Array;
  readonly dialledPorts: readonly [local: number, remote: number];
  /** The flows that were followed. */
  readonly flows: Uint8Array;
  /** The last pass that met the socket. */
  pass: number;
}

export class Translations {
  /** Sockets that had no room. */
  dropped = 0;
  readonly #known = new Map<number, Translation>();
  /** Those met in this pass that no flow tells of any more. */
  #orphans: Translation[] = [];
  #pass = 0;

  constructor(private readonly maxSockets = MAX_SOCKETS) {}

  get size(): number {
    return this.#known.size;
  }

  /** Begins a pass over a snapshot's records. */
  begin(): void {
    this.#pass++;
    this.#orphans = [];
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
      this.#known.delete(socket);
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
    if (!this.#known.has(socket) && this.#known.size >= this.maxSockets) {
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
  }

  /** Notes that a socket's flows are not (all) there any more: `withFlows` adds them. */
  orphaned(translation: Translation): void {
    this.#orphans.push(translation);
  }

  forget(socket: number): void {
    this.#known.delete(socket);
  }

  /** Forgets the sockets that this pass did not meet: they are closed. */
  end(): void {
    for (const [socket, { pass }] of this.#known) if (pass !== this.#pass) this.#known.delete(socket);
  }

  /** `flows` and those that are gone while a socket of theirs still lives, as of the last pass. */
  withFlows(flows: FlowBatch): FlowBatch {
    if (this.#orphans.length === 0) return flows;
    const present = new Uint8Array(flows.flows, 0, flows.flowCount * FLOW_BYTES);
    const known = new Set<string>();
    const added: Uint8Array[] = [];
    for (let at = 0; at < present.length; at += FLOW_BYTES) known.add(openingKey(present, at));
    for (const orphan of this.#orphans) {
      for (let at = 0; at < orphan.flows.length; at += FLOW_BYTES) {
        const key = openingKey(orphan.flows, at);
        if (known.has(key)) continue;
        known.add(key);
        added.push(orphan.flows.subarray(at, at + FLOW_BYTES));
      }
    }
    const all = new Uint8Array(present.length + added.length * FLOW_BYTES);
    all.set(present);
    for (const [i, flow] of added.entries()) all.set(flow, present.length + i * FLOW_BYTES);
    return { flows: all.buffer, flowCount: flows.flowCount + added.length };
  }
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

/** The tuple that a flow was opened with, and its namespace. */
function openingKey(flows: Uint8Array, at: number): string {
  const flow = Buffer.from(flows.buffer, flows.byteOffset + at, FLOW_BYTES);
  const text = (from: number, to: number): string => flow.toString('latin1', from, to);
  const addresses = text(0, FLOW_OFFSET.replySource);
  const ports = text(FLOW_OFFSET.originalSourcePort, FLOW_OFFSET.replySourcePort);
  return `${addresses}${ports}${text(FLOW_OFFSET.netns, FLOW_OFFSET.netns + 4)}`;
}
