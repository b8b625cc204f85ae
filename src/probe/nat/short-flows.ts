/**
 * Connections that /proc did not see: flows that were established and ended between two scans. Each becomes one record of a
 * closed socket, at the client's end or, if a listener gives the process, at the server's.
 */
import { isLoopbackAddress, isWildcardAddress, sameAddress } from '../records/address.js';
import { FLOW_BYTES, NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
import { FlowIndex, type Tuple } from './flow-index.js';
import {
  Direction,
  DirectionEvidence,
  Flag,
  HALF,
  OFFSET,
  PidEvidence,
  RECORD,
  WORD,
} from '../records/layout.js';
import { TcpState } from '../records/tcp-state.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';

/**
 * Flows without a socket in `batch`, whose addresses have been looked through NAT; `all` is what is known to look through.
 */
export function unseenFlows(batch: RecordBatch, born: FlowBatch, all: FlowBatch): FlowBatch {
  if (born.flowCount === 0) return NO_FLOWS;
  const flowOf = new Map<string, number>();
  for (const [flow, tuple] of connectionsOf(born, all).entries()) {
    const key = keyOf(tuple.words, 0, tuple.ports, 0, 1, scopeOf(tuple));
    if (!flowOf.has(key)) flowOf.set(key, flow);
  }
  const { halves, words, count } = new RecordView(batch);
  for (let i = 0; i < count; i++) {
    const at = i * RECORD.words;
    const scope =
      isLoopbackAddress(words, at + WORD.localAddress) || isLoopbackAddress(words, at + WORD.remoteAddress)
        ? words[at + WORD.netns]! >>> 0
        : 0;
    const port = i * RECORD.halves + HALF.localPort;
    flowOf.delete(keyOf(words, at + WORD.localAddress, halves, port, port + 1, scope));
    flowOf.delete(keyOf(words, at + WORD.localAddress, halves, port, port + 1, scope, true));
  }
  const from = new Uint8Array(born.flows);
  const flows = new Uint8Array(flowOf.size * FLOW_BYTES);
  let flowCount = 0;
  for (const flow of flowOf.values()) {
    flows.set(from.subarray(flow * FLOW_BYTES, (flow + 1) * FLOW_BYTES), flowCount++ * FLOW_BYTES);
  }
  return { flows: flows.buffer, flowCount };
}

/** `batch` with a record for each flow. @param all as for `unseenFlows` */
export function withFlowRecords(batch: RecordBatch, flows: FlowBatch, all: FlowBatch): RecordBatch {
  if (flows.flowCount === 0) return batch;
  const view = new RecordView(batch);
  const listeners = listenersByPort(view);
  const recordCount = view.count + flows.flowCount;
  const bytes = new Uint8Array(recordCount * RECORD.bytes);
  bytes.set(view.bytes);
  const written = new RecordView({ records: bytes.buffer, recordCount });
  for (const [i, tuple] of connectionsOf(flows, all).entries()) {
    const listener = (listeners.get(tuple.netns * 0x10000 + tuple.ports[1]!) ?? []).find((at) => {
      const address = at * RECORD.words + WORD.localAddress;
      return isWildcardAddress(view.words, address) || sameAddress(view.words, address, tuple.words, 4);
    });
    writeRecord(written, view.count + i, tuple, listener);
  }
  return { records: bytes.buffer, recordCount };
}

/** Client → server of each flow, NAT looked through: first the flow's own, which of its tuple may not be the only one. */
function connectionsOf(flows: FlowBatch, all: FlowBatch): Tuple[] {
  const index = new FlowIndex(all);
  const own = new FlowIndex(flows);
  return Array.from({ length: flows.flowCount }, (_, flow) => {
    const connection = own.tupleBeyond(flow, 'originator');
    const responder = own.tupleBeyond(flow, 'responder');
    index.resolve(connection, 'originator');
    index.resolve(responder, 'responder');
    connection.words.set(responder.words.subarray(4), 0);
    connection.ports[0] = responder.ports[1]!;
    connection.netns = own.netnsOf(flow);
    return connection;
  });
}

function scopeOf({ words, netns }: Tuple): number {
  return isLoopbackAddress(words, 0) || isLoopbackAddress(words, 4) ? netns : 0;
}

/** @param reversed as the other end of the connection has it */
function keyOf(
  words: Int32Array,
  at: number,
  ports: Uint16Array,
  local: number,
  remote: number,
  scope: number,
  reversed = false,
): string {
  const first = reversed ? at + 4 : at;
  const second = reversed ? at : at + 4;
  const [firstPort, secondPort] = reversed ? [ports[remote], ports[local]] : [ports[local], ports[remote]];
  return `${words.subarray(first, first + 4).join()} ${firstPort ?? 0} ${words.subarray(second, second + 4).join()} ${secondPort ?? 0} ${scope}`;
}

/** netns * 2^16 + port → listeners' records that have a process. */
function listenersByPort({ bytes, halves, words, count }: RecordView): Map<number, number[]> {
  const listeners = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    if (bytes[i * RECORD.bytes + OFFSET.direction] !== Direction.Listener) continue;
    if (words[i * RECORD.words + WORD.pid] === 0) continue;
    const key =
      (words[i * RECORD.words + WORD.netns]! >>> 0) * 0x10000 + halves[i * RECORD.halves + HALF.localPort]!;
    const known = listeners.get(key);
    if (known === undefined) listeners.set(key, [i]);
    else known.push(i);
  }
  return listeners;
}

let nextId = 0;

/** @param listener its record number; undefined when nobody is known to listen there */
function writeRecord(view: RecordView, i: number, tuple: Tuple, listener: number | undefined): void {
  const { bytes, halves, words } = view;
  const [at, byte, half] = [i * RECORD.words, i * RECORD.bytes, i * RECORD.halves];
  const isServer = listener !== undefined;
  const [local, remote] = isServer ? [1, 0] : [0, 1];
  // Sockets have ids of their own; one without a socket gets one that none of them has (the upper half is all ones).
  nextId = (nextId + 1) | 0;
  words[at + WORD.socketId] = nextId;
  words[at + WORD.socketId + 1] = -1;
  words.set(tuple.words.subarray(local * 4, local * 4 + 4), at + WORD.localAddress);
  words.set(tuple.words.subarray(remote * 4, remote * 4 + 4), at + WORD.remoteAddress);
  halves[half + HALF.localPort] = tuple.ports[local]!;
  halves[half + HALF.remotePort] = tuple.ports[remote]!;
  words[at + WORD.netns] = tuple.netns;
  bytes[byte + OFFSET.direction] = isServer ? Direction.Accepted : Direction.Connected;
  bytes[byte + OFFSET.directionEvidence] = DirectionEvidence.Conntrack;
  bytes[byte + OFFSET.state] = TcpState.Close;
  bytes[byte + OFFSET.flags] = Flag.Established;
  if (!isServer) return;
  const from = listener * RECORD.bytes;
  bytes.copyWithin(byte + OFFSET.pid, from + OFFSET.pid, from + OFFSET.pid + 4);
  bytes.copyWithin(byte + OFFSET.listenerPid, from + OFFSET.pid, from + OFFSET.pid + 4);
  bytes.copyWithin(byte + OFFSET.pidStartNanos, from + OFFSET.pidStartNanos, from + OFFSET.pidStartNanos + 8);
  bytes.copyWithin(byte + OFFSET.comm, from + OFFSET.comm, from + RECORD.bytes);
  bytes[byte + OFFSET.pidEvidence] = PidEvidence.Listener;
}
