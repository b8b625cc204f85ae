/**
 * Grouping: records → groups by address triple, and inside a group one entry per client port that joins the sockets
 * of both ends. Everything is a typed array over record numbers: no object per connection.
 *
 * A batch is larger than the processor's caches, so that what later steps need is copied out in the one pass over it.
 */
import { isIpv4 } from '../records/address.js';
import type { Arena } from '../records/arena.js';
import { GroupTable } from './group-table.js';
import { Orienter, Role } from './orientation.js';
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';
import { inChunks, CHUNK } from '../records/chunks.js';
import { scopeNetns } from '../records/scope.js';

/** End of a chain of records, or no record. */
export const NONE = -1;

export interface Grouping {
  readonly table: GroupTable;
  /** Per record: its client port, role and evidence, whether it was reported and whether it is brief, see `pack`. */
  readonly packed: Int32Array;
  readonly pids: Int32Array;
  /** Per record: another record of the same end of the same entry, or NONE. */
  readonly next: Int32Array;
  /** Entries of group g are entryStart[g] … entryStart[g + 1] - 1. */
  readonly entryStart: Uint32Array;
  entryCount: number;
  /** Client port of each entry, distinct within its group. */
  readonly ports: Uint16Array;
  /** A record of the entry's client end, NONE when it was not seen; `next` leads to others of that end. */
  readonly clients: Int32Array;
  /** The same for the server's end. */
  readonly servers: Int32Array;
  /** Best `DirectionEvidence` of the entry's records. */
  readonly evidence: Uint8Array;
  /** Per entry: 1 when one of its ends has several records, or is both ends. Few have, and all else is cheaper. */
  readonly special: Uint8Array;
  /** Per port: 0 when it is no record's client port. */
  readonly isClientPort: Int32Array;
  /** Listeners and failed connects in the batch. */
  readonly listeners: number;
  readonly failed: number;
  /** Connects without an answer so far. */
  readonly waiting: number;
}

// The engine takes a module's own constants for constants, but not what it imports or exports: hot loops use these.
const BYTES = RECORD_BYTES;
const { direction: DIRECTION, directionEvidence: DIRECTION_EVIDENCE, flags: FLAGS, state: STATE } = OFFSET;
const { localAddress: LOCAL_ADDRESS, remoteAddress: REMOTE_ADDRESS, netns: NETNS, pid: PID } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const WORDS_EACH = WORDS;
const HALVES_EACH = HALVES;
const { Listener: LISTENER, Connected: CONNECTED, Unknown: UNKNOWN } = Direction;
const { Close: CLOSE } = TcpState;
const { Brief: BRIEF, Established: ESTABLISHED, Reported: REPORTED } = Flag;
const { Client: CLIENT, Server: SERVER, Both: BOTH } = Role;
const ABSENT = NONE;

const REPORTED_BIT = 1 << 21;
const BRIEF_BIT = 1 << 22;

/**
 * A record's client port (bits 0 to 15), `Role` (16, 17), `DirectionEvidence` (18 to 20), whether an earlier batch had
 * it (21) and whether it is brief (22) in one small integer.
 */
function pack(clientPort: number, role: number, evidence: number, flags: number): number {
  return (
    clientPort |
    (role << 16) |
    (evidence << 18) |
    ((flags & REPORTED) !== 0 ? REPORTED_BIT : 0) |
    ((flags & BRIEF) !== 0 ? BRIEF_BIT : 0)
  );
}

export function isReportedIn(packed: number): boolean {
  return (packed & REPORTED_BIT) !== 0;
}

/** No other record is of the same socket, as far as the source knows. */
export function isBriefIn(packed: number): boolean {
  return (packed & BRIEF_BIT) !== 0;
}

function evidenceIn(packed: number): number {
  return (packed >> 18) & 7;
}

export function roleIn(packed: number): number {
  return (packed >> 16) & 3;
}

/** What is known of a batch beside its records. */
interface Knowledge {
  readonly listenersListed?: boolean;
  readonly spaces?: Int32Array | undefined;
}

/**
 * @param arena the result is valid until it begins anew
 * @param knowledge.listenersListed see `Snapshot.listenersListed`
 * @param knowledge.spaces per record the namespace that its addresses belong to, or 0; see `addressSpaces`
 */
export function groupRecords(view: RecordView, arena: Arena, knowledge: Knowledge = {}): Grouping {
  const intake = new Intake(view, arena, knowledge);
  inChunks(view.count, (from, to) => {
    intake.take(from, to);
  });
  const { table, packed, pids, listeners, failed, waiting } = intake;
  const { start, order } = sortByGroup(intake, arena);
  const entries = new Entries(packed, order, arena);
  const entryStart = arena.uint32(table.count + 1);
  for (let group = 0; group < table.count; group++) {
    entryStart[group] = entries.count;
    entries.beginGroup();
    const end = start[group + 1]!;
    for (let i = start[group]!; i < end; i += CHUNK) entries.add(i, Math.min(end, i + CHUNK));
  }
  entryStart[table.count] = entries.count;
  const { next, ports, clients, servers, evidence, special, count: entryCount, entryOfPort } = entries;
  // One literal, nothing spread into it: code that was compiled for objects of this shape stays valid.
  return {
    table,
    packed,
    pids,
    next,
    entryStart,
    entryCount,
    ports,
    clients,
    servers,
    evidence,
    special,
    isClientPort: entryOfPort,
    listeners,
    failed,
    waiting,
  };
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
  waiting = 0;
  private readonly spaces: Int32Array | undefined;
  readonly #orienter: Orienter;

  constructor(
    private readonly view: RecordView,
    arena: Arena,
    { listenersListed = false, spaces }: Knowledge,
  ) {
    this.table = new GroupTable(arena);
    this.groupOf = arena.int32(view.count, 'unset');
    this.packed = arena.int32(view.count, 'unset');
    this.pids = arena.int32(view.count, 'unset');
    this.sizes = arena.int32(view.count);
    this.#orienter = new Orienter(view, listenersListed);
    this.spaces = spaces;
  }

  take(first: number, end: number): void {
    const { bytes, halves, words } = this.view;
    const { table, groupOf, packed, pids, sizes, spaces } = this;
    for (let i = first; i < end; i++) {
      const at = i * BYTES;
      const direction = bytes[at + DIRECTION]!;
      const flags = bytes[at + FLAGS]!;
      if (direction === LISTENER || (flags & ESTABLISHED) === 0) {
        if (direction === LISTENER) this.listeners++;
        else if (bytes[at + STATE] === CLOSE) this.failed++;
        else this.waiting++;
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
      const space = spaces === undefined ? 0 : spaces[i]!;
      const group =
        isIpv4(words, local) && isIpv4(words, remote)
          ? table.addIpv4(
              words[from + 3]!,
              words[to + 3]!,
              toPort,
              space !== 0 ? space : ipv4ScopeNetns(words, i),
            )
          : table.add(words, from, to, toPort, space !== 0 ? space : scopeNetns(words, i));
      packed[i] = pack(isServer ? remotePort : localPort, role, evidence, flags);
      pids[i] = words[i * WORDS_EACH + PID]!;
      groupOf[i] = group;
      sizes[group]!++;
    }
  }
}

/** Joins the records of one group after the other into entries. */
class Entries {
  count = 0;
  /** Per record. */
  readonly next: Int32Array;
  readonly ports: Uint16Array;
  readonly clients: Int32Array;
  readonly servers: Int32Array;
  readonly evidence: Uint8Array;
  readonly special: Uint8Array;
  /** A port's entry + 1: valid when it is one of the group at hand, so it needs no clearing. */
  readonly entryOfPort: Int32Array;
  /** First entry of the group at hand. */
  #first = 0;

  constructor(
    private readonly packed: Int32Array,
    private readonly order: Int32Array,
    arena: Arena,
  ) {
    const size = order.length;
    this.next = arena.int32(packed.length, 'unset').fill(ABSENT);
    this.ports = arena.uint16(size);
    this.clients = arena.int32(size, 'unset');
    this.servers = arena.int32(size, 'unset');
    this.evidence = arena.uint8(size);
    this.special = arena.uint8(size);
    this.entryOfPort = arena.int32(0x10000);
  }

  beginGroup(): void {
    this.#first = this.count;
  }

  /** The records at these places of the order, all of the group at hand. */
  add(from: number, end: number): void {
    const { packed, order, ports, clients, servers, evidence, entryOfPort } = this;
    const first = this.#first;
    let count = this.count;
    for (let i = from; i < end; i++) {
      const record = order[i]!;
      const what = packed[record]!;
      const port = what & 0xffff;
      const role = roleIn(what);
      let entry = entryOfPort[port]! - 1;
      if (entry < first) {
        entry = count++;
        entryOfPort[port] = count;
        ports[entry] = port;
        clients[entry] = role === SERVER ? ABSENT : record;
        servers[entry] = role === SERVER ? record : ABSENT;
        evidence[entry] = evidenceIn(what);
        if (role === BOTH) this.special[entry] = 1;
        continue;
      }
      if (evidenceIn(what) > evidence[entry]!) evidence[entry] = evidenceIn(what);
      if (role === SERVER) {
        if (servers[entry] !== ABSENT) this.#link(entry, record, servers[entry]!);
        servers[entry] = record;
      } else {
        if (clients[entry] !== ABSENT) this.#link(entry, record, clients[entry]!);
        clients[entry] = record;
      }
    }
    this.count = count;
  }

  #link(entry: number, record: number, next: number): void {
    this.next[record] = next;
    this.special[entry] = 1;
  }
}

/** As `scopeNetns`, of a record with two IPv4 addresses. */
function ipv4ScopeNetns(words: Int32Array, record: number): number {
  const at = record * WORDS_EACH;
  const isLoopback =
    (words[at + LOCAL_ADDRESS + 3]! & 0xff) === 127 || (words[at + REMOTE_ADDRESS + 3]! & 0xff) === 127;
  return isLoopback ? words[at + NETNS]! : 0;
}

/** Counting sort; `start` has where each group begins in the order, and after the last one where it ends. */
function sortByGroup(
  { table, groupOf, sizes }: Intake,
  arena: Arena,
): { start: Int32Array; order: Int32Array } {
  const start = arena.int32(table.count + 1);
  const cursor = arena.int32(table.count);
  let size = 0;
  for (let group = 0; group < table.count; group++) {
    start[group] = cursor[group] = size;
    size += sizes[group]!;
  }
  start[table.count] = size;
  const order = arena.int32(size, 'unset');
  inChunks(groupOf.length, (from, to) => {
    sortChunk(groupOf, cursor, order, from, to);
  });
  return { start, order };
}

function sortChunk(
  groupOf: Int32Array,
  cursor: Int32Array,
  order: Int32Array,
  first: number,
  end: number,
): void {
  for (let i = first; i < end; i++) {
    const group = groupOf[i]!;
    if (group !== ABSENT) order[cursor[group]!++] = i;
  }
}
