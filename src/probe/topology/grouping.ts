/**
 * Grouping: records → groups by address triple, and inside a group one entry per client port that joins the sockets
 * of both ends. Everything is a typed array over record numbers: no object per connection.
 *
 * A batch is larger than the processor's caches, so that what later steps need is copied out in the one pass over it.
 */
import { isLoopbackAddress } from './address.js';
import { GroupTable } from './group-table.js';
import { Orienter, Role } from './orientation.js';
import { Direction, Flag, OFFSET, RECORD_BYTES } from './record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from './record-view.js';

/** End of a chain of records. */
export const NONE = -1;

/** What one pass over the records finds out. */
interface Intake {
  readonly table: GroupTable;
  /** Per record: its group, NONE for listeners and failed connects. */
  readonly groupOf: Int32Array;
  /** Per record: a `Role`, a `DirectionEvidence`, the client's port, the PID. */
  readonly roles: Uint8Array;
  readonly evidence: Uint8Array;
  readonly clientPorts: Uint16Array;
  readonly pids: Uint32Array;
  readonly listeners: number;
  readonly failed: number;
}

export interface Grouping {
  readonly table: GroupTable;
  /** Entries of group g are entryStart[g] … entryStart[g + 1] - 1. */
  readonly entryStart: Uint32Array;
  readonly entryCount: number;
  /** Client port of each entry, distinct within its group. */
  readonly ports: Uint16Array;
  /** First record of the entry's client end, NONE when it was not seen; `next` leads to others of that end. */
  readonly clients: Int32Array;
  /** The same for the server's end. */
  readonly servers: Int32Array;
  readonly next: Int32Array;
  /** Best `DirectionEvidence` of the entry's records. */
  readonly evidence: Uint8Array;
  /** Per record: a `Role` and the PID. */
  readonly roles: Uint8Array;
  readonly pids: Uint32Array;
  /** Listeners and failed connects in the batch. */
  readonly listeners: number;
  readonly failed: number;
}

export function groupRecords(view: RecordView): Grouping {
  const intake = takeIn(view);
  const { table, roles, clientPorts, pids, listeners, failed } = intake;
  const { order, start } = sortByGroup(intake.groupOf, table.count);
  const entryStart = new Uint32Array(table.count + 1);
  const ports = new Uint16Array(order.length);
  const clients = new Int32Array(order.length).fill(NONE);
  const servers = new Int32Array(order.length).fill(NONE);
  const evidence = new Uint8Array(order.length);
  const next = new Int32Array(view.count).fill(NONE);
  // A port's entry in the group at hand: valid when it points into that group and back to the port, so it needs no clearing.
  const entryOfPort = new Uint32Array(0x10000);
  let entries = 0;
  for (let group = 0; group < table.count; group++) {
    const first = entries;
    entryStart[group] = first;
    const end = start[group + 1]!;
    for (let k = start[group]!; k < end; k++) {
      const record = order[k]!;
      const port = clientPorts[record]!;
      let entry = entryOfPort[port]!;
      if (entry < first || entry >= entries || ports[entry] !== port) {
        entry = entryOfPort[port] = entries++;
        ports[entry] = port;
      }
      const ends = roles[record] === Role.Server ? servers : clients;
      next[record] = ends[entry]!;
      ends[entry] = record;
      if (intake.evidence[record]! > evidence[entry]!) evidence[entry] = intake.evidence[record]!;
    }
  }
  entryStart[table.count] = entries;
  const perRecord = { next, roles, pids };
  return {
    table,
    entryStart,
    entryCount: entries,
    ports,
    clients,
    servers,
    evidence,
    ...perRecord,
    listeners,
    failed,
  };
}

function takeIn(view: RecordView): Intake {
  const { bytes, halves, words, count } = view;
  const orienter = new Orienter(view);
  const table = new GroupTable();
  const groupOf = new Int32Array(count);
  const roles = new Uint8Array(count);
  const evidence = new Uint8Array(count);
  const clientPorts = new Uint16Array(count);
  const pids = new Uint32Array(count);
  let listeners = 0;
  let failed = 0;
  for (let i = 0; i < count; i++) {
    const at = i * RECORD_BYTES;
    const isListener = bytes[at + OFFSET.direction] === Direction.Listener;
    if (isListener || (bytes[at + OFFSET.flags]! & Flag.Established) === 0) {
      if (isListener) listeners++;
      else failed++;
      groupOf[i] = NONE;
      continue;
    }
    const role = orienter.roleOf(i);
    const half = i * HALVES;
    const local = i * WORDS + WORD.localAddress;
    const remote = i * WORDS + WORD.remoteAddress;
    const localPort = halves[half + HALF.localPort]!;
    const remotePort = halves[half + HALF.remotePort]!;
    const isServer = role === Role.Server;
    roles[i] = role;
    evidence[i] = orienter.evidence;
    clientPorts[i] = isServer ? remotePort : localPort;
    pids[i] = words[i * WORDS + WORD.pid]!;
    groupOf[i] = table.add(
      words,
      isServer ? remote : local,
      isServer ? local : remote,
      isServer ? localPort : remotePort,
      scopeNetns(words, i),
    );
  }
  return { table, groupOf, roles, evidence, clientPorts, pids, listeners, failed };
}

/**
 * The namespace that a record's addresses belong to: its own when one is a loopback address, else 0. Other addresses
 * mean the same in every namespace, so that the two ends of a connection between namespaces of this host meet.
 */
export function scopeNetns(words: Uint32Array, record: number): number {
  const at = record * WORDS;
  return isLoopbackAddress(words, at + WORD.remoteAddress) || isLoopbackAddress(words, at + WORD.localAddress)
    ? words[at + WORD.netns]!
    : 0;
}

/** Counting sort: record numbers in order of their group; group g is order[start[g] … start[g + 1]). */
function sortByGroup(groupOf: Int32Array, groups: number): { order: Uint32Array; start: Uint32Array } {
  const start = new Uint32Array(groups + 1);
  for (const group of groupOf) if (group !== NONE) start[group + 1]!++;
  for (let group = 0; group < groups; group++) start[group + 1]! += start[group]!;
  const order = new Uint32Array(start[groups]!);
  const cursor = start.slice(0, groups);
  for (let i = 0; i < groupOf.length; i++) if (groupOf[i] !== NONE) order[cursor[groupOf[i]!]!++] = i;
  return { order, start };
}
