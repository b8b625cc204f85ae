/**
 * Who else holds the sockets of a batch: one process uses a socket, others may have it open too (a parent that accepted
 * it, workers that inherited a listener). Where nobody shares sockets there are no rows, and nothing here is done.
 */
import { HOLDER_BYTES, HOLDER_OFFSET, type HolderBatch } from '../records/holder.js';
import { NONE, type Grouping } from './grouping.js';
import { FIRST_GONE, ticksOf } from '../batch/process-identity.js';
import { listensFor } from './listeners.js';
import { Direction, OFFSET, RECORD_BYTES } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';

/** The processes that hold an end's sockets, and how many more there are at least. */
export class Holders {
  readonly pids = new Set<number>();
  more = 0;

  add(pids: Iterable<number>, more: number): void {
    for (const pid of pids) if (pid !== 0 && pid < FIRST_GONE) this.pids.add(pid);
    this.more = Math.max(this.more, more);
  }
}

/** By entry; only of entries that were kept, with the holders of all that they stand for. */
export interface EntryHolders {
  /** Holders of the connections' sockets, on either end. */
  readonly clients: ReadonlyMap<number, Holders>;
  readonly servers: ReadonlyMap<number, Holders>;
  /** Holders of the socket that the server's end was accepted from. */
  readonly listeners: ReadonlyMap<number, Holders>;
}

/**
 * Undefined when nobody shares a socket.
 * @param standIn the entry that was kept for each entry
 * @param startTicksOf as of `identifyProcesses`: who is not there any more holds nothing
 */
export function holdersOfEntries(
  view: RecordView,
  grouping: Grouping,
  standIn: Int32Array,
  { holders, holderCount }: HolderBatch,
  startTicksOf?: (pid: number) => number | undefined,
): EntryHolders | undefined {
  if (holderCount === 0) return undefined;
  const rows = new DataView(holders, 0, holderCount * HOLDER_BYTES);
  const ofConnections = new SharedSockets(rows, false, startTicksOf);
  const ofListeners = new SharedSockets(rows, true, startTicksOf);
  const clients = new Map<number, Holders>();
  const servers = new Map<number, Holders>();
  if (ofConnections.size > 0) {
    for (let entry = 0; entry < grouping.entryCount; entry++) {
      addChain(clients, standIn[entry]!, view, grouping, grouping.clients[entry]!, ofConnections);
      addChain(servers, standIn[entry]!, view, grouping, grouping.servers[entry]!, ofConnections);
    }
  }
  const listeners =
    ofListeners.size > 0 ? listenersOf(view, grouping, standIn, ofListeners) : new Map<number, Holders>();
  return { clients, servers, listeners };
}

/** The rows of connections, or those of listeners, by socket. */
class SharedSockets {
  /** Low words of the socket ids: most sockets are not shared, and this is asked of each. */
  readonly #lows = new Set<number>();
  readonly #sockets = new Map<string, Holders>();

  constructor(rows: DataView, isListener: boolean, startTicksOf?: (pid: number) => number | undefined) {
    for (let at = 0; at < rows.byteLength; at += HOLDER_BYTES) {
      if ((rows.getUint8(at + HOLDER_OFFSET.isListener) !== 0) !== isListener) continue;
      const pid = rows.getUint32(at + HOLDER_OFFSET.pid, true);
      const start = rows.getBigUint64(at + HOLDER_OFFSET.pidStartNanos, true);
      if (startTicksOf !== undefined && BigInt(startTicksOf(pid) ?? -1) !== ticksOf(start)) continue;
      const low = rows.getInt32(at + HOLDER_OFFSET.socketId, true);
      const key = `${low} ${rows.getInt32(at + HOLDER_OFFSET.socketId + 4, true)}`;
      let known = this.#sockets.get(key);
      if (known === undefined) this.#sockets.set(key, (known = new Holders()));
      known.add([pid], rows.getUint16(at + HOLDER_OFFSET.more, true));
      this.#lows.add(low);
    }
  }

  get size(): number {
    return this.#sockets.size;
  }

  of({ words }: RecordView, record: number): Holders | undefined {
    const at = record * WORDS + WORD.socketId;
    return this.#lows.has(words[at]!) ? this.#sockets.get(`${words[at]!} ${words[at + 1]!}`) : undefined;
  }
}

function addChain(
  to: Map<number, Holders>,
  kept: number,
  view: RecordView,
  grouping: Grouping,
  head: number,
  shared: SharedSockets,
): void {
  for (let record = head; record !== NONE; record = grouping.next[record]!) {
    const holders = shared.of(view, record);
    if (holders !== undefined) addTo(to, kept, holders);
  }
}

function addTo(to: Map<number, Holders>, entry: number, { pids, more }: Holders): void {
  let known = to.get(entry);
  if (known === undefined) to.set(entry, (known = new Holders()));
  known.add(pids, more);
}

function listenersOf(
  view: RecordView,
  grouping: Grouping,
  standIn: Int32Array,
  shared: SharedSockets,
): Map<number, Holders> {
  const byPort = new Map<number, { record: number; holders: Holders }[]>();
  const { bytes, halves, words, count } = view;
  const portOf = (record: number): number =>
    words[record * WORDS + WORD.netns]! * 0x10000 + halves[record * HALVES + HALF.localPort]!;
  for (let record = 0; record < count; record++) {
    if (bytes[record * RECORD_BYTES + OFFSET.direction] !== Direction.Listener) continue;
    const others = shared.of(view, record);
    if (others === undefined) continue;
    const holders = new Holders();
    holders.add([...others.pids, words[record * WORDS + WORD.pid]!], others.more);
    const listeners = byPort.get(portOf(record));
    if (listeners === undefined) byPort.set(portOf(record), [{ record, holders }]);
    else listeners.push({ record, holders });
  }
  const found = new Map<number, Holders>();
  const { servers, entryCount } = grouping;
  for (let entry = 0; entry < entryCount; entry++) {
    if (standIn[entry] !== entry || servers[entry] === NONE) continue;
    const server = servers[entry]!;
    for (const { record, holders } of byPort.get(portOf(server)) ?? []) {
      if (listensFor(words, record * WORDS + WORD.localAddress, words, server * WORDS + WORD.localAddress))
        addTo(found, entry, holders);
    }
  }
  return found;
}
