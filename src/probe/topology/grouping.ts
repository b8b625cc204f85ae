/**
 * Grouping: records → groups by address triple, and inside a group one entry per client port that joins the sockets
 * of both ends. Everything is a typed array over record numbers: no object per connection.
 */
import { isLoopbackAddress } from './address.js';
import { GroupTable } from './group-table.js';
import { Role, type Orientation } from './orientation.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from './record-view.js';

/** End of a chain of records. */
export const NONE = -1;

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
}

export function groupRecords(view: RecordView, orientation: Orientation): Grouping {
  const { count } = view;
  const { roles } = orientation;
  const table = new GroupTable();
  const groupOf = new Int32Array(count);
  assignGroups(view, roles, table, groupOf);

  const { order, start } = sortByGroup(groupOf, roles, table.count);
  const entryStart = new Uint32Array(table.count + 1);
  const ports = new Uint16Array(order.length);
  const clients = new Int32Array(order.length).fill(NONE);
  const servers = new Int32Array(order.length).fill(NONE);
  const evidence = new Uint8Array(order.length);
  const next = new Int32Array(count).fill(NONE);
  // A port's entry in the group at hand: valid when it points into that group and back to the port, so it needs no clearing.
  const entryOfPort = new Uint32Array(0x10000);
  const { halves } = view;
  let entries = 0;
  for (let group = 0; group < table.count; group++) {
    const first = entries;
    entryStart[group] = first;
    for (let k = start[group]!; k < start[group + 1]!; k++) {
      const record = order[k]!;
      const role = roles[record]!;
      const port = halves[record * HALVES + (role === Role.Server ? HALF.remotePort : HALF.localPort)]!;
      let entry = entryOfPort[port]!;
      if (entry < first || entry >= entries || ports[entry] !== port) {
        entry = entryOfPort[port] = entries++;
        ports[entry] = port;
      }
      const ends = role === Role.Server ? servers : clients;
      next[record] = ends[entry]!;
      ends[entry] = record;
      if (orientation.evidence[record]! > evidence[entry]!) evidence[entry] = orientation.evidence[record]!;
    }
  }
  entryStart[table.count] = entries;
  return { table, entryStart, entryCount: entries, ports, clients, servers, next, evidence };
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

function assignGroups(view: RecordView, roles: Uint8Array, table: GroupTable, groupOf: Int32Array): void {
  const { words, halves, count } = view;
  for (let i = 0; i < count; i++) {
    const role = roles[i]!;
    if (role === Role.None) continue;
    const half = i * HALVES;
    const local = i * WORDS + WORD.localAddress;
    const remote = i * WORDS + WORD.remoteAddress;
    const netns = scopeNetns(words, i);
    groupOf[i] =
      role === Role.Server
        ? table.add(words, remote, local, halves[half + HALF.localPort]!, netns)
        : table.add(words, local, remote, halves[half + HALF.remotePort]!, netns);
  }
}

/** Counting sort: record numbers in order of their group; group g is order[start[g] … start[g + 1]). */
function sortByGroup(
  groupOf: Int32Array,
  roles: Uint8Array,
  groups: number,
): { order: Uint32Array; start: Uint32Array } {
  const start = new Uint32Array(groups + 1);
  for (let i = 0; i < groupOf.length; i++) if (roles[i] !== Role.None) start[groupOf[i]! + 1]!++;
  for (let group = 0; group < groups; group++) start[group + 1]! += start[group]!;
  const order = new Uint32Array(start[groups]!);
  const cursor = start.slice(0, groups);
  for (let i = 0; i < groupOf.length; i++) {
    if (roles[i] !== Role.None) order[cursor[groupOf[i]!]!++] = i;
  }
  return { order, start };
}
