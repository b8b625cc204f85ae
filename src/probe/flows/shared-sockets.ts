/**
 * Further fd holders of the sockets of flows. One process uses a socket; others may have it open too (a parent that accepted
 * it, workers that inherited a listener). By flow and end, as of the last sweep.
 */
import { FACT } from '../../report/keys.js';
import { HALF, HOLDER, HOLDER_OFFSET, RECORD, WORD } from '../records/layout.js';
import { type HolderBatch } from '../records/holder.js';
import { listensFor } from './listens-for.js';
import type { ConnectionTracker } from './connection-tracker.js';
import { NO_SLOT } from './connection-table.js';
import { NO_END } from './end-table.js';

/** The most PIDs in a fact. */
const MAX_LISTED = 8;
const TICK_NANOS = 10_000_000n;

/** The fd holders of an end's sockets, and the least number of further ones. */
export interface Holders {
  readonly pids: Set<number>;
  more: number;
}

/** By slot of the flow. */
export interface FlowHolders {
  readonly clients: ReadonlyMap<number, Holders>;
  readonly servers: ReadonlyMap<number, Holders>;
  /** Holders of listening sockets, by slot of the end. */
  readonly listeners: ReadonlyMap<number, Holders>;
}

const NOBODY: FlowHolders = { clients: new Map(), servers: new Map(), listeners: new Map() };

/** @param startTicksOf an ended process holds nothing */
export function flowHolders(
  tracker: ConnectionTracker,
  { holders, holderCount }: HolderBatch,
  startTicksOf: (pid: number) => number | undefined,
): FlowHolders {
  if (holderCount === 0) return NOBODY;
  const clients = new Map<number, Holders>();
  const servers = new Map<number, Holders>();
  const listeners = new Map<number, Holders>();
  const rows = new DataView(holders, 0, holderCount * HOLDER.bytes);
  for (let at = 0; at < rows.byteLength; at += HOLDER.bytes) {
    const pid = rows.getUint32(at + HOLDER_OFFSET.pid, true);
    const start = rows.getBigUint64(at + HOLDER_OFFSET.pidStartNanos, true);
    if (BigInt(startTicksOf(pid) ?? -1) !== start / TICK_NANOS) continue;
    const low = rows.getInt32(at + HOLDER_OFFSET.socketId, true);
    const high = rows.getInt32(at + HOLDER_OFFSET.socketId + 4, true);
    const slot = tracker.ends.findId(low, high);
    if (slot === NO_END) continue;
    const more = rows.getUint16(at + HOLDER_OFFSET.more, true);
    if (rows.getUint8(at + HOLDER_OFFSET.isListener) !== 0) {
      add(listeners, slot, pid, more);
      add(listeners, slot, tracker.ends.view.words[slot * RECORD.words + WORD.pid]!, more);
      continue;
    }
    const flow = tracker.flowOf(slot);
    if (flow !== NO_SLOT) add(tracker.isClientEnd(slot) ? clients : servers, flow, pid, more);
  }
  return { clients, servers, listeners };
}

/**
 * Holders of all listening sockets that take connections to an address and port of a namespace; undefined: none is shared.
 */
export function listenerHolders(
  tracker: ConnectionTracker,
  { listeners }: FlowHolders,
  netns: number,
  key: Int32Array,
  address: number,
  port: number,
): Holders | undefined {
  if (listeners.size === 0) return undefined;
  const { halves, words } = tracker.ends.view;
  let all: Holders | undefined;
  for (const slot of tracker.listeners.at(netns, port)) {
    const holders = listeners.get(slot);
    if (holders === undefined || halves[slot * RECORD.halves + HALF.localPort] !== port) continue;
    if (!listensFor(words, slot * RECORD.words + WORD.localAddress, key, address)) continue;
    all ??= { pids: new Set(), more: 0 };
    for (const pid of holders.pids) all.pids.add(pid);
    all.more = Math.max(all.more, holders.more);
  }
  return all;
}

/** Keys of lists of PIDs, with those of how many are not listed. */
const MORE = {
  [FACT.holderPids]: FACT.holderPidsMore,
  [FACT.listenerPids]: FACT.listenerPidsMore,
} as const;

/**
 * Adds them to an end's facts: PIDs separated by blanks, and the number of further ones. @param except the end's own process
 */
export function addHolderFacts(
  facts: Map<string, string>,
  key: keyof typeof MORE,
  holders: Holders | undefined,
  except = 0,
): void {
  if (holders === undefined) return;
  const pids = [...holders.pids].filter((pid) => pid !== except && pid !== 0).sort((a, b) => a - b);
  if (pids.length === 0) return;
  facts.set(key, pids.slice(0, MAX_LISTED).join(' '));
  const more = Math.max(0, pids.length - MAX_LISTED) + holders.more;
  if (more > 0) facts.set(MORE[key], String(more));
}

function add(to: Map<number, Holders>, at: number, pid: number, more: number): void {
  let known = to.get(at);
  if (known === undefined) to.set(at, (known = { pids: new Set(), more: 0 }));
  known.pids.add(pid);
  known.more = Math.max(known.more, more);
}
