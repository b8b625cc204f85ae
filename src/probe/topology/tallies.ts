/**
 * Sums over connections: what is kept after thinning carries the numbers of everything it stands for, so that no byte
 * is lost by thinning. All from the client's point of view.
 */
import type { Ends } from './ends.js';
import { NONE, type Grouping } from './grouping.js';
import { Flag, OFFSET, RECORD_BYTES } from './record.js';
import { WORD, WORDS, type RecordView } from './record-view.js';

/** Per entry; only entries that were kept (that stand for themselves) have numbers. */
export interface Tallies {
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

/** @param standIn the entry that was kept for each entry */
export function tally(view: RecordView, grouping: Grouping, ends: Ends, standIn: Int32Array): Tallies {
  const { entryCount, clients, servers, next, records } = grouping;
  const tallies: Tallies = {
    counts: new Uint32Array(entryCount),
    reported: new Uint32Array(entryCount),
    bytesSent: new Float64Array(entryCount),
    bytesReceived: new Float64Array(entryCount),
    retransmits: new Float64Array(entryCount),
    rttSum: new Float64Array(entryCount),
    rttCount: new Uint32Array(entryCount),
    connectSum: new Float64Array(entryCount),
    connectCount: new Uint32Array(entryCount),
  };
  // Records are read in their own order, which the processor foresees; an entry's are spread all over the batch.
  const owner = new Int32Array(view.count).fill(NONE);
  for (let entry = 0; entry < entryCount; entry++) {
    const kept = standIn[entry]!;
    tallies.counts[kept]! += ends.weights[entry]!;
    const client = clients[entry]!;
    const server = servers[entry]!;
    const isRepeated =
      (client !== NONE && next[client] !== NONE) || (server !== NONE && next[server] !== NONE);
    if (isRepeated) {
      tallies.reported[kept]! += tallyRepeated(view, grouping, entry, kept, tallies);
      continue;
    }
    if (isReported(view, client, records) || isReported(view, server, records)) tallies.reported[kept]!++;
    if (client !== NONE) owner[records[client]!] = (kept << 2) | Counts.AsClient;
    if (server !== NONE)
      owner[records[server]!] = (kept << 2) | (client === NONE ? Counts.AsServer : Counts.AsOtherEnd);
  }
  for (let record = 0; record < owner.length; record++) {
    const what = owner[record]!;
    if (what !== NONE) add(view, record, what >> 2, what & 3, tallies);
  }
  return tallies;
}

function isReported({ bytes }: RecordView, position: number, records: Int32Array): boolean {
  return (
    position !== NONE && (bytes[records[position]! * RECORD_BYTES + OFFSET.flags]! & Flag.Reported) !== 0
  );
}

/** What a record's numbers are to its connection. */
const Counts = { AsClient: 0, AsServer: 1, AsOtherEnd: 2 } as const;

function add({ words }: RecordView, record: number, kept: number, counts: number, tallies: Tallies): void {
  const at = record * WORDS;
  tallies.retransmits[kept]! += words[at + WORD.retransmits]! >>> 0;
  if (counts === Counts.AsOtherEnd) return; // its bytes, turned around, are those of the client's end
  const sent = (words[at + WORD.bytesSent]! >>> 0) + (words[at + WORD.bytesSent + 1]! >>> 0) * 2 ** 32;
  const received =
    (words[at + WORD.bytesReceived]! >>> 0) + (words[at + WORD.bytesReceived + 1]! >>> 0) * 2 ** 32;
  tallies.bytesSent[kept]! += counts === Counts.AsClient ? sent : received;
  tallies.bytesReceived[kept]! += counts === Counts.AsClient ? received : sent;
  const rtt = words[at + WORD.srttMicros]! >>> 0;
  if (rtt !== 0) {
    tallies.rttSum[kept]! += rtt;
    tallies.rttCount[kept]!++;
  }
  const connect = words[at + WORD.connectMicros]! >>> 0;
  if (connect !== 0) {
    tallies.connectSum[kept]! += connect;
    tallies.connectCount[kept]!++;
  }
}

/**
 * An entry whose tuple was used again, or of which a socket appears twice: each socket counts once, by its last record.
 * Returns how many of its connections were reported before.
 */
function tallyRepeated(
  view: RecordView,
  grouping: Grouping,
  entry: number,
  kept: number,
  tallies: Tallies,
): number {
  const clients = lastRecords(view, grouping, grouping.clients[entry]!);
  const servers = lastRecords(view, grouping, grouping.servers[entry]!);
  const byServers = servers.length > clients.length;
  for (const record of clients)
    add(view, record, kept, byServers ? Counts.AsOtherEnd : Counts.AsClient, tallies);
  for (const record of servers)
    add(view, record, kept, byServers ? Counts.AsServer : Counts.AsOtherEnd, tallies);
  const reportedOf = (ends: readonly number[]): number =>
    ends.filter((record) => (view.bytes[record * RECORD_BYTES + OFFSET.flags]! & Flag.Reported) !== 0).length;
  return Math.max(reportedOf(clients), reportedOf(servers));
}

/** One record per distinct socket: the one that has seen the most bytes. */
function lastRecords(view: RecordView, grouping: Grouping, head: number): number[] {
  const bytes = (record: number): number =>
    view.u64(record, WORD.bytesSent) + view.u64(record, WORD.bytesReceived);
  const bySocket = new Map<string, number>();
  for (let at = head; at !== NONE; at = grouping.next[at]!) {
    const record = grouping.records[at]!;
    const id = `${view.words[record * WORDS + WORD.socketId]!} ${view.words[record * WORDS + WORD.socketId + 1]!}`;
    const known = bySocket.get(id);
    if (known === undefined || bytes(record) > bytes(known)) bySocket.set(id, record);
  }
  return [...bySocket.values()];
}
