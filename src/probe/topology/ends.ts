/**
 * Who is at the two ends of each entry, and how many connections the entry is: a tuple can be used twice in one batch
 * (TIME_WAIT reuse), and one socket can appear twice in it (live, then closed).
 */
import type { Arena } from '../records/arena.js';
import { DistinctSockets } from './distinct-sockets.js';
import { NONE, roleIn, type Grouping } from './grouping.js';
import { Role } from './orientation.js';
import { OFFSET, PidEvidence, RECORD_BYTES } from '../records/record.js';
import { WORD, WORDS, type RecordView } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

// Imported constants are loaded again and again in a hot loop: the engine knows only the module's own for constants.
const ABSENT = NONE;
const { Both: BOTH } = Role;
const BYTES = RECORD_BYTES;
const { pidEvidence: PID_EVIDENCE } = OFFSET;
const { Listener: BY_LISTENER } = PidEvidence;

export interface Ends {
  /** Per entry; 0 unknown. */
  readonly fromPids: Uint32Array;
  readonly toPids: Uint32Array;
  /** Per entry: the number of connections, at least 1. */
  readonly weights: Uint32Array;
  /** Per entry: 1 when its connections were not all between the same two processes. */
  readonly mixed: Uint8Array;
}

export function resolveEnds(view: RecordView, grouping: Grouping, arena: Arena): Ends {
  const { entryCount, table } = grouping;
  const ends: Ends = {
    fromPids: arena.uint32(entryCount),
    toPids: arena.uint32(entryCount),
    weights: arena.uint32(entryCount).fill(1),
    mixed: arena.uint8(entryCount),
  };
  inChunks(entryCount, (first, end) => {
    resolve(view, grouping, ends, first, end);
  });
  for (let group = 0; group < table.count; group++) giveToServer(view, grouping, group, ends.toPids);
  return ends;
}

/** Entries `first` to `end` - 1. */
function resolve(view: RecordView, grouping: Grouping, ends: Ends, first: number, end: number): void {
  const { clients, servers, pids, special } = grouping;
  const { fromPids, toPids, weights, mixed } = ends;
  for (let entry = first; entry < end; entry++) {
    const client = clients[entry]!;
    const server = servers[entry]!;
    if (special[entry] === 0) {
      if (client >= 0) fromPids[entry] = pids[client]!;
      if (server >= 0) toPids[entry] = pids[server]!;
      continue;
    }
    describeEnd(view, grouping, client, from);
    describeEnd(view, grouping, server, to);
    const isBoth = client >= 0 && roleIn(grouping.packed[client]!) === BOTH;
    fromPids[entry] = from.pid;
    toPids[entry] = isBoth ? from.pid : to.pid;
    weights[entry] = Math.max(from.sockets, to.sockets);
    if (from.mixed || to.mixed) mixed[entry] = 1;
  }
}

/**
 * Connections that ended before anybody took them from the listener's queue are known to be the listener's maker's only.
 * Where one process serves all the others of the group, these were meant for it: makers of listeners hand them on.
 */
function giveToServer(view: RecordView, grouping: Grouping, group: number, toPids: Uint32Array): void {
  const { entryStart, servers } = grouping;
  const from = entryStart[group]!;
  const to = entryStart[group + 1]!;
  let isUniform = true;
  for (let entry = from + 1; entry < to && isUniform; entry++) isUniform = toPids[entry] === toPids[from];
  if (isUniform) return;
  const isMakers = (entry: number): boolean => {
    const server = servers[entry]!;
    if (server === ABSENT) return false;
    return view.bytes[server * BYTES + PID_EVIDENCE] === BY_LISTENER;
  };
  let serving = 0;
  for (let entry = from; entry < to; entry++) {
    const pid = toPids[entry]!;
    if (pid === 0 || pid === serving || isMakers(entry)) continue;
    if (serving !== 0) return;
    serving = pid;
  }
  if (serving === 0) return;
  for (let entry = from; entry < to; entry++) if (isMakers(entry)) toPids[entry] = serving;
}

interface End {
  sockets: number;
  pid: number;
  mixed: boolean;
}

/** Those of the entry at hand. */
const from: End = { sockets: 0, pid: 0, mixed: false };
const to: End = { sockets: 0, pid: 0, mixed: false };
const distinct = new DistinctSockets();

/** Counts distinct sockets, takes the best known PID of each and the newest of those. */
function describeEnd(view: RecordView, grouping: Grouping, head: number, end: End): void {
  end.sockets = end.pid = 0;
  end.mixed = false;
  if (head === ABSENT) return;
  distinct.find(view, grouping, head, compareHolders);
  end.sockets = distinct.count;
  for (let i = 0; i < distinct.count; i++) {
    const pid = grouping.pids[distinct.records[i]!]!;
    if (pid === 0) continue;
    if (end.pid !== 0 && pid !== end.pid) end.mixed = true;
    end.pid = pid;
  }
  if (end.mixed) end.pid = newestPid(view, distinct);
}

function newestPid(view: RecordView, { records, count }: DistinctSockets): number {
  let newest = ABSENT;
  for (let i = 0; i < count; i++) {
    const record = records[i]!;
    if (pidOf(view, record) === 0) continue;
    if (newest === ABSENT || compareStarts(view, newest, record) < 0) newest = record;
  }
  return pidOf(view, newest);
}

function pidOf({ words }: RecordView, record: number): number {
  return words[record * WORDS + WORD.pid]!;
}

/** Two records of one socket: the one with the better knowledge of its process is greater. */
function compareHolders(view: RecordView, a: number, b: number): number {
  const evidence = (record: number): number =>
    pidOf(view, record) === 0 ? -1 : view.bytes[record * BYTES + PID_EVIDENCE]!;
  return evidence(a) - evidence(b) || compareStarts(view, a, b);
}

function compareStarts(view: RecordView, a: number, b: number): number {
  return view.u64(a, WORD.startNanos) - view.u64(b, WORD.startNanos) || pidOf(view, a) - pidOf(view, b);
}
