/**
 * Grouping: records → groups by address triple, and inside a group one entry per client port that joins the sockets
 * of both ends. Everything is a typed array over record numbers: no object per connection.
 *
 * A batch is larger than the processor's caches, so that what later steps need is copied out in the one pass over it.
 */
import { isIpv4, isLoopbackAddress } from './address.js';
import type { Arena } from './arena.js';
import { GroupTable } from './group-table.js';
import { Orienter, Role } from './orientation.js';
import { Direction, Flag, OFFSET, RECORD_BYTES } from './record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from './record-view.js';

/** End of a chain of records. */
export const NONE = -1;

/**
 * Records that one call of a hot function takes: loops are cut into stretches so that the engine compiles functions that
 * are called often, instead of one loop again in each batch.
 */
const STRETCH = 512;

/**
 * Members of groups: four words each, in order of their group. A place in this order is a *position*; a member's words
 * begin at four times its position.
 */
export const MEMBER_WORDS = 4;
export const MEMBER = {
  /** The record's number. */
  record: 0,
  /** Its client port, role and evidence, and whether it was reported, see `pack`. */
  packed: 1,
  pid: 2,
  /** Position of another record of the same end of the same entry, or NONE. */
  next: 3,
} as const;

export interface Grouping {
  readonly table: GroupTable;
  readonly members: Int32Array;
  /** Entries of group g are entryStart[g] … entryStart[g + 1] - 1. */
  readonly entryStart: Uint32Array;
  readonly entryCount: number;
  /** Client port of each entry, distinct within its group. */
  readonly ports: Uint16Array;
  /** A position of the entry's client end, NONE when it was not seen; `MEMBER.next` leads to others of that end. */
  readonly clients: Int32Array;
  /** The same for the server's end. */
  readonly servers: Int32Array;
  /** Best `DirectionEvidence` of the entry's records. */
  readonly evidence: Uint8Array;
  /** Listeners and failed connects in the batch. */
  readonly listeners: number;
  readonly failed: number;
}

// The engine takes a module's own constants for constants, but not what it imports or exports: hot loops use these.
const BYTES = RECORD_BYTES;
const { direction: DIRECTION, directionEvidence: DIRECTION_EVIDENCE, flags: FLAGS } = OFFSET;
const { localAddress: LOCAL_ADDRESS, remoteAddress: REMOTE_ADDRESS, netns: NETNS, pid: PID } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const WORDS_EACH = WORDS;
const HALVES_EACH = HALVES;
const { Listener: LISTENER, Connected: CONNECTED, Unknown: UNKNOWN } = Direction;
const { Established: ESTABLISHED, Reported: REPORTED } = Flag;
const { Client: CLIENT, Server: SERVER } = Role;
const ABSENT = NONE;
const MEMBER_SIZE = MEMBER_WORDS;
const { record: MEMBER_RECORD, packed: MEMBER_PACKED, pid: MEMBER_PID, next: MEMBER_NEXT } = MEMBER;

/**
 * A record's client port (bits 0 to 15), `Role` (16, 17), `DirectionEvidence` (18 to 20) and whether an earlier batch had
 * it (21) in one small integer.
 */
function pack(clientPort: number, role: number, evidence: number, isReported: boolean): number {
  return clientPort | (role << 16) | (evidence << 18) | (isReported ? 1 << 21 : 0);
}

export function isReportedIn(packed: number): boolean {
  return packed >> 21 !== 0;
}

function evidenceIn(packed: number): number {
  return (packed >> 18) & 7;
}

export function roleIn(packed: number): number {
  return (packed >> 16) & 3;
}

/** The record at a position. */
export function recordAt({ members }: Grouping, position: number): number {
  return members[position * MEMBER_SIZE + MEMBER_RECORD]!;
}

/** The position of another record of the same end of the same entry, or NONE. */
export function nextAt({ members }: Grouping, position: number): number {
  return members[position * MEMBER_SIZE + MEMBER_NEXT]!;
}

/** @param arena the result is valid until it begins anew */
export function groupRecords(view: RecordView, arena: Arena): Grouping {
  const intake = new Intake(view, arena);
  for (let i = 0; i < view.count; i += STRETCH) intake.take(i, Math.min(view.count, i + STRETCH));
  const { table, listeners, failed } = intake;
  const { start, members } = sortByGroup(intake, arena);
  const entries = new Entries(members, start[table.count]!, arena);
  const entryStart = arena.uint32(table.count + 1);
  for (let group = 0; group < table.count; group++) {
    entryStart[group] = entries.count;
    entries.beginGroup();
    const end = start[group + 1]!;
    for (let i = start[group]!; i < end; i += STRETCH) entries.add(i, Math.min(end, i + STRETCH));
  }
  entryStart[table.count] = entries.count;
  const { ports, clients, servers, evidence, count: entryCount } = entries;
  return { table, members, entryStart, entryCount, ports, clients, servers, evidence, listeners, failed };
}

/** One pass over the records: what later steps need of each is copied out. */
class Intake {
  readonly table: GroupTable;
  /** Per record: its group; ABSENT for listeners and failed connects. */
  readonly groupOf: Int32Array;
  /** Per record, see `pack`. */
  readonly packed: Int32Array;
  readonly pids: Int32Array;
  /** Per group: its records. */
  readonly sizes: Int32Array;
  listeners = 0;
  failed = 0;
  readonly #orienter: Orienter;

  constructor(
    private readonly view: RecordView,
    arena: Arena,
  ) {
    this.table = new GroupTable(arena);
    this.groupOf = arena.int32(view.count);
    this.packed = arena.int32(view.count);
    this.pids = arena.int32(view.count);
    this.sizes = arena.int32(view.count);
    this.#orienter = new Orienter(view);
  }

  take(first: number, end: number): void {
    const { bytes, halves, words } = this.view;
    const { table, groupOf, packed, pids, sizes } = this;
    for (let i = first; i < end; i++) {
      const at = i * BYTES;
      const direction = bytes[at + DIRECTION]!;
      const flags = bytes[at + FLAGS]!;
      if (direction === LISTENER || (flags & ESTABLISHED) === 0) {
        if (direction === LISTENER) this.listeners++;
        else this.failed++;
        groupOf[i] = ABSENT;
        continue;
      }
      const localPort = halves[i * HALVES_EACH + LOCAL_PORT]!;
      const remotePort = halves[i * HALVES_EACH + REMOTE_PORT]!;
      let role: number = direction === CONNECTED ? CLIENT : SERVER;
      let evidence = bytes[at + DIRECTION_EVIDENCE]!;
      if (direction === UNKNOWN || localPort === remotePort) {
        role = this.#orienter.roleOf(i);
        evidence = this.#orienter.evidence;
      }
      const isServer = role === SERVER;
      const toPort = isServer ? localPort : remotePort;
      const local = i * WORDS_EACH + LOCAL_ADDRESS;
      const remote = i * WORDS_EACH + REMOTE_ADDRESS;
      const from = isServer ? remote : local;
      const to = isServer ? local : remote;
      const group =
        isIpv4(words, local) && isIpv4(words, remote)
          ? table.addIpv4(words[from + 3]!, words[to + 3]!, toPort, ipv4ScopeNetns(words, i))
          : table.add(words, from, to, toPort, scopeNetns(words, i));
      packed[i] = pack(isServer ? remotePort : localPort, role, evidence, (flags & REPORTED) !== 0);
      pids[i] = words[i * WORDS_EACH + PID]!;
      groupOf[i] = group;
      sizes[group]!++;
    }
  }
}

/** Joins the members of one group after the other into entries. */
class Entries {
  count = 0;
  readonly ports: Uint16Array;
  readonly clients: Int32Array;
  readonly servers: Int32Array;
  readonly evidence: Uint8Array;
  /** First entry of the group at hand. */
  #first = 0;
  /** A port's entry: valid when it points into the group at hand and back to the port, so it needs no clearing. */
  readonly #entryOfPort: Int32Array;

  constructor(
    private readonly members: Int32Array,
    size: number,
    arena: Arena,
  ) {
    this.ports = arena.uint16(size);
    this.clients = arena.int32(size);
    this.servers = arena.int32(size);
    this.evidence = arena.uint8(size);
    this.#entryOfPort = arena.int32(0x10000);
  }

  beginGroup(): void {
    this.#first = this.count;
  }

  /** The members at these positions, all of the group at hand. */
  add(position: number, end: number): void {
    const { members, ports, clients, servers, evidence } = this;
    const entryOfPort = this.#entryOfPort;
    const first = this.#first;
    let count = this.count;
    for (; position < end; position++) {
      const at = position * MEMBER_SIZE;
      const packed = members[at + MEMBER_PACKED]!;
      const port = packed & 0xffff;
      let entry = entryOfPort[port]!;
      if (entry < first || entry >= count || ports[entry] !== port) {
        entry = entryOfPort[port] = count++;
        ports[entry] = port;
        clients[entry] = servers[entry] = ABSENT;
        evidence[entry] = evidenceIn(packed);
      } else if (evidenceIn(packed) > evidence[entry]!) {
        evidence[entry] = evidenceIn(packed);
      }
      const ends = roleIn(packed) === SERVER ? servers : clients;
      members[at + MEMBER_NEXT] = ends[entry]!;
      ends[entry] = position;
    }
    this.count = count;
  }
}

/**
 * The namespace that a record's addresses belong to: its own when one is a loopback address, else 0. Other addresses
 * mean the same in every namespace, so that the two ends of a connection between namespaces of this host meet.
 */
export function scopeNetns(words: Int32Array, record: number): number {
  const at = record * WORDS_EACH;
  return isLoopbackAddress(words, at + REMOTE_ADDRESS) || isLoopbackAddress(words, at + LOCAL_ADDRESS)
    ? words[at + NETNS]!
    : 0;
}

/** As `scopeNetns`, of a record with two IPv4 addresses. */
function ipv4ScopeNetns(words: Int32Array, record: number): number {
  const at = record * WORDS_EACH;
  const isLoopback =
    (words[at + LOCAL_ADDRESS + 3]! & 0xff) === 127 || (words[at + REMOTE_ADDRESS + 3]! & 0xff) === 127;
  return isLoopback ? words[at + NETNS]! : 0;
}

/**
 * Counting sort. What later steps read is moved along, so that they read it in order; `start` has where each group
 * begins, and after the last one where it ends.
 */
function sortByGroup(
  { table, groupOf, packed, pids, sizes }: Intake,
  arena: Arena,
): { start: Int32Array; members: Int32Array } {
  const start = arena.int32(table.count + 1);
  const cursor = arena.int32(table.count);
  let size = 0;
  for (let group = 0; group < table.count; group++) {
    start[group] = cursor[group] = size;
    size += sizes[group]!;
  }
  start[table.count] = size;
  const members = arena.int32(size * MEMBER_SIZE);
  const count = groupOf.length;
  for (let i = 0; i < count; i += STRETCH)
    moveMembers(groupOf, packed, pids, cursor, members, i, Math.min(count, i + STRETCH));
  return { start, members };
}

function moveMembers(
  groupOf: Int32Array,
  packed: Int32Array,
  pids: Int32Array,
  cursor: Int32Array,
  members: Int32Array,
  first: number,
  end: number,
): void {
  for (let i = first; i < end; i++) {
    const group = groupOf[i]!;
    if (group === ABSENT) continue;
    const at = cursor[group]!++ * MEMBER_SIZE;
    members[at + MEMBER_RECORD] = i;
    members[at + MEMBER_PACKED] = packed[i]!;
    members[at + MEMBER_PID] = pids[i]!;
  }
}
