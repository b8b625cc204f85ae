/**
 * Sums over connections: what is kept after thinning carries the numbers of everything it stands for, so that no byte
 * is lost by thinning. All from the client's point of view.
 */
import type { Arena } from '../records/arena.js';
import { DistinctSockets } from './distinct-sockets.js';
import type { Ends } from './ends.js';
import { isReportedIn, NONE, type Grouping } from './grouping.js';
import { WORD, WORDS, type RecordView } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

/** Per entry; only entries that were kept (that stand for themselves) have numbers. */
export interface EdgeSums {
  /** Connections. */
  readonly counts: Uint32Array;
  /** Those of them that an earlier batch had already. */
  readonly reported: Uint32Array;
  /** Payload from client to server, and back. */
  readonly bytesSent: Float64Array;
  readonly bytesReceived: Float64Array;
  /** Segments retransmitted, by either end as far as it was seen. */
  readonly retransmits: Float64Array;
  /** Sums and numbers of what is known; the client's measurement is preferred. Microseconds. */
  readonly rttSum: Float64Array;
  readonly rttCount: Uint32Array;
  readonly connectSum: Float64Array;
  readonly connectCount: Uint32Array;
}

// Imported constants are loaded again and again in a hot loop: the engine knows only the module's own for constants.
const ABSENT = NONE;
const WORDS_EACH = WORDS;
const {
  bytesReceived: BYTES_RECEIVED,
  bytesSent: BYTES_SENT,
  connectMicros: CONNECT_MICROS,
  retransmits: RETRANSMITS,
  srttMicros: SRTT_MICROS,
} = WORD;

/** @param standIn the entry that was kept for each entry */
export function sumEdges(
  view: RecordView,
  grouping: Grouping,
  ends: Ends,
  standIn: Int32Array,
  arena: Arena,
): EdgeSums {
  const { entryCount } = grouping;
  const edgeSums: EdgeSums = {
    counts: arena.uint32(entryCount),
    reported: arena.uint32(entryCount),
    bytesSent: arena.float64(entryCount),
    bytesReceived: arena.float64(entryCount),
    retransmits: arena.float64(entryCount),
    rttSum: arena.float64(entryCount),
    rttCount: arena.uint32(entryCount),
    connectSum: arena.float64(entryCount),
    connectCount: arena.uint32(entryCount),
  };
  // Records are read in their own order, which the processor foresees; an entry's are spread all over the batch.
  const owner = arena.int32(view.count, 'unset').fill(ABSENT);
  inChunks(entryCount, (from, to) => {
    assign(view, grouping, ends, standIn, edgeSums, owner, from, to);
  });
  inChunks(owner.length, (from, to) => {
    addOwned(view, owner, edgeSums, from, to);
  });
  return edgeSums;
}

/** Entries `from` to `to` - 1: finds out whose records' numbers are theirs. */
function assign(
  view: RecordView,
  grouping: Grouping,
  { weights }: Ends,
  standIn: Int32Array,
  edgeSums: EdgeSums,
  owner: Int32Array,
  from: number,
  to: number,
): void {
  const { clients, servers, special } = grouping;
  for (let entry = from; entry < to; entry++) {
    const kept = standIn[entry]!;
    edgeSums.counts[kept]! += weights[entry]!;
    const client = clients[entry]!;
    const server = servers[entry]!;
    if (special[entry] !== 0) {
      edgeSums.reported[kept]! += assignRepeated(view, grouping, entry, kept, owner);
      continue;
    }
    if (isReported(grouping, client) || isReported(grouping, server)) edgeSums.reported[kept]!++;
    if (client !== ABSENT) owner[client] = (kept << 2) | AS_CLIENT;
    if (server !== ABSENT) owner[server] = (kept << 2) | (client === ABSENT ? AS_SERVER : AS_OTHER_END);
  }
}

function addOwned(view: RecordView, owner: Int32Array, edgeSums: EdgeSums, from: number, to: number): void {
  for (let record = from; record < to; record++) {
    const what = owner[record]!;
    if (what !== ABSENT) add(view, record, what >> 2, what & 3, edgeSums);
  }
}

function isReported({ packed }: Grouping, record: number): boolean {
  return record !== ABSENT && isReportedIn(packed[record]!);
}

/** What a record's numbers are to its connection. */
const AS_CLIENT = 0;
const AS_SERVER = 1;
const AS_OTHER_END = 2;

function add({ words }: RecordView, record: number, kept: number, counts: number, edgeSums: EdgeSums): void {
  const at = record * WORDS_EACH;
  edgeSums.retransmits[kept]! += words[at + RETRANSMITS]! >>> 0;
  if (counts === AS_OTHER_END) return; // its bytes, turned around, are those of the client's end
  const sent = (words[at + BYTES_SENT]! >>> 0) + (words[at + BYTES_SENT + 1]! >>> 0) * 2 ** 32;
  const received = (words[at + BYTES_RECEIVED]! >>> 0) + (words[at + BYTES_RECEIVED + 1]! >>> 0) * 2 ** 32;
  edgeSums.bytesSent[kept]! += counts === AS_CLIENT ? sent : received;
  edgeSums.bytesReceived[kept]! += counts === AS_CLIENT ? received : sent;
  const rtt = words[at + SRTT_MICROS]! >>> 0;
  if (rtt !== 0) {
    edgeSums.rttSum[kept]! += rtt;
    edgeSums.rttCount[kept]!++;
  }
  const connect = words[at + CONNECT_MICROS]! >>> 0;
  if (connect !== 0) {
    edgeSums.connectSum[kept]! += connect;
    edgeSums.connectCount[kept]!++;
  }
}

/**
 * An entry whose tuple was used again, or of which a socket appears twice: each socket counts once, by its last record.
 * Returns how many of its connections were reported before.
 */
function assignRepeated(
  view: RecordView,
  grouping: Grouping,
  entry: number,
  kept: number,
  owner: Int32Array,
): number {
  clientEnds.find(view, grouping, grouping.clients[entry]!, compareTraffic);
  serverEnds.find(view, grouping, grouping.servers[entry]!, compareTraffic);
  const byServers = serverEnds.count > clientEnds.count;
  assignAll(clientEnds, kept, byServers ? AS_OTHER_END : AS_CLIENT, owner);
  assignAll(serverEnds, kept, byServers ? AS_SERVER : AS_OTHER_END, owner);
  return Math.max(reportedOf(grouping, clientEnds), reportedOf(grouping, serverEnds));
}

/** Those of the entry at hand. */
const clientEnds = new DistinctSockets();
const serverEnds = new DistinctSockets();

/** A socket's last record is the one that has seen the most bytes. */
function compareTraffic(view: RecordView, a: number, b: number): number {
  return bytesOf(view, a) - bytesOf(view, b);
}

function bytesOf(view: RecordView, record: number): number {
  return view.u64(record, BYTES_SENT) + view.u64(record, BYTES_RECEIVED);
}

function assignAll(
  { records, count }: DistinctSockets,
  kept: number,
  counts: number,
  owner: Int32Array,
): void {
  for (let i = 0; i < count; i++) owner[records[i]!] = (kept << 2) | counts;
}

function reportedOf(grouping: Grouping, { records, count }: DistinctSockets): number {
  let reported = 0;
  for (let i = 0; i < count; i++) if (isReported(grouping, records[i]!)) reported++;
  return reported;
}
