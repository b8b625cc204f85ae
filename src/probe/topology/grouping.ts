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

/** What one pass over the records finds out, per record. */
interface Intake {
  readonly table: GroupTable;
  /** Its group; NONE for listeners and failed connects. */
  readonly groupOf: Int32Array;
  /** See `pack`. */
  readonly packed: Int32Array;
  readonly pids: Int32Array;
  readonly listeners: number;
  readonly failed: number;
}

/** Records in order of their group. A place in this order is a *position*. */
interface Sorted {
  /** Group g has the positions start[g] … start[g + 1] - 1. */
  readonly start: Uint32Array;
  /** Per position: the record's number, its role, port and evidence (see `pack`), its PID. */
  readonly records: Int32Array;
  readonly packed: Int32Array;
  readonly pids: Int32Array;
}

export interface Grouping extends Sorted {
  readonly table: GroupTable;
  /** Entries of group g are entryStart[g] … entryStart[g + 1] - 1. */
  readonly entryStart: Uint32Array;
  readonly entryCount: number;
  /** Client port of each entry, distinct within its group. */
  readonly ports: Uint16Array;
  /** A position of the entry's client end, NONE when it was not seen; `next` leads to others of that end. */
  readonly clients: Int32Array;
  /** The same for the server's end. */
  readonly servers: Int32Array;
  readonly next: Int32Array;
  /** Best `DirectionEvidence` of the entry's records. */
  readonly evidence: Uint8Array;
  /** Listeners and failed connects in the batch. */
  readonly listeners: number;
  readonly failed: number;
}

/** A record's client port (bits 0 to 15), `Role` (16, 17) and `DirectionEvidence` (from 18) in one small integer. */
function pack(clientPort: number, role: number, evidence: number): number {
  return clientPort | (role << 16) | (evidence << 18);
}

export function roleIn(packed: number): number {
  return (packed >> 16) & 3;
}

export function groupRecords(view: RecordView): Grouping {
  const { table, groupOf, packed: unsorted, pids, listeners, failed } = takeIn(view);
  const sorted = sortByGroup(groupOf, unsorted, pids, table.count);
  const { start, packed } = sorted;
  const entryStart = new Uint32Array(table.count + 1);
  const ports = new Uint16Array(packed.length);
  const clients = new Int32Array(packed.length).fill(NONE);
  const servers = new Int32Array(packed.length).fill(NONE);
  const next = new Int32Array(packed.length).fill(NONE);
  const evidence = new Uint8Array(packed.length);
  // A port's entry in the group at hand: valid when it points into that group and back to the port, so it needs no clearing.
  const entryOfPort = new Int32Array(0x10000);
  let entries = 0;
  for (let group = 0; group < table.count; group++) {
    const first = entries;
    entryStart[group] = first;
    const end = start[group + 1]!;
    for (let position = start[group]!; position < end; position++) {
      const member = packed[position]!;
      const port = member & 0xffff;
      let entry = entryOfPort[port]!;
      if (entry < first || entry >= entries || ports[entry] !== port) {
        entry = entryOfPort[port] = entries++;
        ports[entry] = port;
      }
      const ends = roleIn(member) === Role.Server ? servers : clients;
      const other = ends[entry]!;
      if (other !== NONE) next[position] = other;
      ends[entry] = position;
      if (member >> 18 > evidence[entry]!) evidence[entry] = member >> 18;
    }
  }
  entryStart[table.count] = entries;
  return {
    ...sorted,
    table,
    entryStart,
    entryCount: entries,
    ports,
    clients,
    servers,
    next,
    evidence,
    listeners,
    failed,
  };
}

function takeIn(view: RecordView): Intake {
  const { bytes, halves, words, count } = view;
  const orienter = new Orienter(view);
  const table = new GroupTable();
  const groupOf = new Int32Array(count);
  const packed = new Int32Array(count);
  const pids = new Int32Array(count);
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
    const netns = scopeNetns(words, i);
    pids[i] = words[i * WORDS + WORD.pid]!;
    if (role === Role.Server) {
      packed[i] = pack(remotePort, role, orienter.evidence);
      groupOf[i] = table.add(words, remote, local, localPort, netns);
    } else {
      packed[i] = pack(localPort, role, orienter.evidence);
      groupOf[i] = table.add(words, local, remote, remotePort, netns);
    }
  }
  return { table, groupOf, packed, pids, listeners, failed };
}

/**
 * The namespace that a record's addresses belong to: its own when one is a loopback address, else 0. Other addresses
 * mean the same in every namespace, so that the two ends of a connection between namespaces of this host meet.
 */
export function scopeNetns(words: Int32Array, record: number): number {
  const at = record * WORDS;
  return isLoopbackAddress(words, at + WORD.remoteAddress) || isLoopbackAddress(words, at + WORD.localAddress)
    ? words[at + WORD.netns]!
    : 0;
}

/** Counting sort. What later steps read is moved along, so that they read it in order. */
function sortByGroup(
  groupOf: Int32Array,
  unsorted: Int32Array,
  unsortedPids: Int32Array,
  groups: number,
): Sorted {
  const start = new Uint32Array(groups + 1);
  for (const group of groupOf) if (group !== NONE) start[group + 1]!++;
  for (let group = 0; group < groups; group++) start[group + 1]! += start[group]!;
  const size = start[groups]!;
  const cursor = Int32Array.from(start);
  const records = new Int32Array(size);
  const packed = new Int32Array(size);
  const pids = new Int32Array(size);
  for (let i = 0; i < groupOf.length; i++) {
    const group = groupOf[i]!;
    if (group === NONE) continue;
    const position = cursor[group]!++;
    records[position] = i;
    packed[position] = unsorted[i]!;
    pids[position] = unsortedPids[i]!;
  }
  return { start, records, packed, pids };
}
