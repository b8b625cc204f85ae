/**
 * Follows connections from record to record, and keeps what each adds to its flow. A connection has two ends (sockets); the one
 * or both that this host has are known. Whatever becomes known later (the other end, a process, the direction, NAT) may move
 * the connection to another flow: what it added there is taken out and added here.
 *
 * Most connections of a busy host begin and end between two snapshots, and both ends with them: those are added to their flow
 * at once, and nothing is kept of them.
 */
import { isLoopbackAddress, sameAddress } from '../records/address.js';
import {
  Direction,
  DirectionEvidence,
  Flag,
  HALF,
  OFFSET,
  PidEvidence,
  RECORD,
  WORD,
} from '../records/layout.js';
import { TcpState } from '../records/tcp-state.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';
import type { SocketEnds } from '../records/source.js';
import { isSelfConnect } from '../records/scope.js';
import { Num } from '../../flows/flow.js';
import { ALONE, ClosedPairs } from './closed-pairs.js';
import { ConnectionTable, Counted, endOf, hasTuple, matches, NO_SLOT } from './connection-table.js';
import { DialledBook } from './dialled-book.js';
import { EndTable, NO_END } from './end-table.js';
import { reasonOf, WAITING } from './failure-reasons.js';
import { Life, type FlowBook } from './flow-book.js';
import { KEY, KEY_WORDS } from './flow-keys.js';
import { HostAddresses } from './host-addresses.js';
import { ListenerBook } from './listener-book.js';
import { NO_PROCESS, type ProcessBook } from './process-book.js';
import { BOTH, CLIENT, Roles, SERVER } from './roles.js';
import { ServerBook } from './server-book.js';
import { tupleHash } from './tuple-hash.js';

/** Snapshots for which a closed connection waits for its other end, and how many wait at most. */
const LINGER = 2;
const MAX_LINGERING = 65_536;
/** Waiting connects that are counted; the rest count when they fail. */
const MAX_PENDING = 65_536;

/** What a source has to tell since the last time. */
export interface RecordNews extends RecordBatch {
  /** Every live socket and listener is among the records: which is not there any more has ended. */
  readonly isWhole: boolean;
  /** Ids of sockets, two words each, that are not there any more though no record says so. Absent: none. */
  readonly gone?: Int32Array | undefined;
  /** The source was begun just now: what it has without a beginning is older. */
  readonly isFirst: boolean;
  readonly listenersListed: boolean;
  /** By record: what was dialled (`address:port`), where NAT put another end in its place. */
  readonly dialled?: ReadonlyMap<number, string> | undefined;
  /** Addresses that several network namespaces of this host have, four words each. */
  readonly sharedAddresses?: readonly Int32Array[] | undefined;
  /**
   * Only what is known already is completed: the records were taken later than the time that the report is about.
   */
  readonly isCompletion?: boolean;
}

export interface TakenCounts {
  /** Established connections that the news were about: that began, ended or live. */
  readonly connections: number;
  readonly failed: number;
  readonly listeners: number;
}

export class ConnectionTracker {
  readonly ends = new EndTable();
  readonly connections = new ConnectionTable();
  readonly listeners = new ListenerBook(this.ends);
  readonly addresses = new HostAddresses();
  readonly dialled = new DialledBook();
  readonly #roles = new Roles(this.listeners, this.addresses);
  readonly #pairs = new ClosedPairs();
  readonly #servers: ServerBook;
  /** Records of connections that nobody has taken: they come last, when it is known who takes the others. */
  #untaken: number[] = [];
  /** Records of closed ends that nobody knew of: where their far ends are is known when all addresses are. */
  #closed: number[] = [];
  /** Records of new ends, where several namespaces have the same addresses. */
  #ambiguous: number[] = [];
  /** Connections whose direction is a guess: listeners may tell better. */
  readonly #guessed = new Set<number>();
  #listenersSeen = 0;
  /** Closed connections whose other end may still come, in the order in which they closed. */
  readonly #lingering = new Set<number>();
  #round = 0;
  /** Pairs of namespaces that are known to talk: tells whose end is whose where networks have the same addresses. */
  readonly #talking = new Set<string>();
  /** Connects that wait for an answer: by flow, how many. */
  #pending = new Map<number, number>();
  /** Connections of which something is known that is not counted yet. */
  #touched: number[] = [];
  readonly #key = new Int32Array(KEY_WORDS);
  /** Of the connection that was looked at last: slots of its ends, and how it is known which is which. */
  #client = NO_END;
  #server = NO_END;
  #evidence = 0;
  #shared: readonly Int32Array[] = [];
  /** Connections of this round: those that began and ended, and others that ended. */
  #passed = 0;
  #ended = 0;
  #failed = 0;
  /** Ends that had to go before their other end came, for want of room. */
  unmatched = 0;
  /** Connections and failed connects that had no flow of their own for want of room. */
  overflowed = 0;

  constructor(
    private readonly book: FlowBook,
    private readonly processes: ProcessBook,
  ) {
    this.#servers = new ServerBook(processes);
    book.isInUse = (slot) => this.#pending.has(slot) || this.connections.hasAny(slot);
  }

  /** Takes records in; the flows are those of this moment then. */
  take(news: RecordNews): TakenCounts {
    const view = new RecordView(news);
    this.#round++;
    this.#passed = this.#ended = this.#failed = 0;
    this.#roles.areListenersListed = news.listenersListed;
    this.#shared = news.sharedAddresses ?? [];
    this.ends.beginRound();
    this.#pairs.begin();
    this.#closed = [];
    this.#untaken = [];
    const pending = new Map<number, number>();
    const { forgotten } = this.addresses;
    for (let i = 0; i < view.count; i++) this.#takeRecord(view, i, news, pending);
    if (this.addresses.forgotten !== forgotten) this.#learnAgain();
    this.#settleTouched();
    for (const i of this.#closed) this.#takeClosed(view, i, news);
    for (const i of this.#untaken) this.#takeUntaken(view, i, news);
    for (const i of this.#pairs.left()) this.#takeNew(view, i, news);
    this.#takeAmbiguous(view, news);
    if (news.isCompletion !== true) {
      this.#setPending(pending);
      if (news.isWhole) this.#endForgotten();
      else if (news.gone !== undefined) this.#endGone(news.gone);
    }
    this.#settleTouched();
    if (this.listeners.version !== this.#listenersSeen) {
      this.#listenersSeen = this.listeners.version;
      for (const connection of this.#guessed) this.#settle(connection);
    }
    this.#endLingering();
    return {
      connections: this.#passed + this.#ended + this.connections.size - this.#lingering.size,
      failed: this.#failed,
      listeners: this.listeners.size,
    };
  }

  #learnAgain(): void {
    for (let slot = 0; slot < this.ends.end; slot++)
      if (this.ends.isUsed(slot)) this.addresses.learn(this.ends.view, slot);
  }

  /** Whether a live socket has these two ends, as far as its records say. */
  hasSocket({ words, ports, netns }: SocketEnds): boolean {
    const record = new RecordView({ records: new ArrayBuffer(RECORD.bytes), recordCount: 1 });
    record.words.set(words, WORD.localAddress);
    record.halves.set(ports, HALF.localPort);
    record.words[WORD.netns] = netns;
    const order = endOf(record, 0);
    const { connections } = this;
    for (let slot = connections.first(tupleHash(record, 0)); slot !== NO_SLOT; slot = connections.next(slot)) {
      const end = connections.ends[slot * 2 + order]!;
      if (end !== NO_END && hasTuple(record, 0, this.ends.view, end) && this.#isLive(end)) return true;
    }
    return false;
  }

  /** Client ports of the live connections that are counted in a flow. */
  livePorts = (flow: number): number[] => {
    const { counted, port } = this.connections.contributions;
    const ports: number[] = [];
    for (const connection of this.connections.ofFlow(flow))
      if ((counted[connection]! & Counted.Live) !== 0) ports.push(port[connection]!);
    return ports;
  };

  /** The flow that a socket's connection is counted in; NO_SLOT: none. @param slot of the socket's end */
  flowOf(slot: number): number {
    const connection = this.ends.connections[slot]!;
    return connection === NO_END ? NO_SLOT : this.connections.contributions.flow[connection]!;
  }

  /** Whether the end is its connection's client end. */
  isClientEnd(slot: number): boolean {
    const connection = this.ends.connections[slot]!;
    if (connection === NO_END) return false;
    this.#orient(connection);
    return this.#client === slot;
  }

  /** New ends whose tuple several connections may have: what began at one time is taken one after the other. */
  #takeAmbiguous(view: RecordView, news: RecordNews): void {
    const starts = this.#ambiguous.map((i) => [view.u64(i, WORD.startNanos), i] as const);
    starts.sort(([a, i], [b, j]) => a - b || i - j);
    for (const [, i] of starts) this.#takeNew(view, i, news);
    this.#ambiguous = [];
  }

  #takeRecord(view: RecordView, i: number, news: RecordNews, pending: Map<number, number>): void {
    const { bytes } = view;
    const at = i * RECORD.bytes;
    const flags = bytes[at + OFFSET.flags]!;
    const direction = bytes[at + OFFSET.direction]!;
    const isClosed = bytes[at + OFFSET.state] === TcpState.Close;
    this.addresses.learn(view, i);
    if (direction === Direction.Listener) {
      if (!isClosed) this.#takeListener(view, i);
    } else if ((flags & Flag.Established) === 0) {
      if (direction !== Direction.Connected || news.isCompletion === true) return;
      if (isClosed) this.#takeFailure(view, i, news);
      else if ((flags & Flag.Unanswered) !== 0) this.#countPending(view, i, news, pending);
    } else {
      const slot = (flags & Flag.Brief) !== 0 ? NO_END : this.ends.find(view, i);
      if (slot !== NO_END) this.#update(view, i, slot, news);
      else if (bytes[at + OFFSET.pidEvidence] === PidEvidence.Listener) this.#untaken.push(i);
      else if (isClosed) this.#closed.push(i);
      else if (this.#shared.length > 0) this.#ambiguous.push(i);
      else this.#takeNew(view, i, news);
    }
  }

  #takeUntaken(view: RecordView, i: number, news: RecordNews): void {
    if (view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close) this.#takeClosed(view, i, news);
    else if (this.#shared.length > 0) this.#ambiguous.push(i);
    else this.#takeNew(view, i, news);
  }

  /** A closed end that nobody knew of before. */
  #takeClosed(view: RecordView, i: number, news: RecordNews): void {
    const isCompletion = news.isCompletion === true;
    if (!this.addresses.has(view.words, i * RECORD.words + WORD.remoteAddress)) {
      if (!isCompletion) this.#pass(view, i, ALONE, news);
      return;
    }
    if (this.#shared.length > 0) {
      this.#ambiguous.push(i);
      return;
    }
    const hash = tupleHash(view, i);
    if (this.#connectionFor(view, i, hash) !== NO_SLOT) {
      this.#takeNew(view, i, news);
      return;
    }
    const other = this.#pairs.match(view, i, hash);
    if (other !== ALONE && !isCompletion) this.#pass(view, i, other, news);
  }

  #takeNew(view: RecordView, i: number, news: RecordNews): void {
    if (news.isCompletion === true && this.#connectionFor(view, i, tupleHash(view, i)) === NO_SLOT) return;
    const slot = this.ends.add(view, i, this.#hasPast(view, i, news));
    this.ends.dialled[slot] = this.#dialledBy(news, i);
    this.#attach(slot);
  }

  #dialledBy({ dialled }: RecordNews, i: number): number {
    const text = dialled?.get(i);
    return text === undefined ? 0 : this.dialled.numberOf(text);
  }

  /** Whether the connection is older than what watches it. */
  #hasPast(view: RecordView, i: number, { isFirst }: RecordNews): boolean {
    if ((view.bytes[i * RECORD.bytes + OFFSET.flags]! & Flag.Seeded) !== 0) return true;
    return (
      isFirst &&
      view.bytes[i * RECORD.bytes + OFFSET.state] !== TcpState.Close &&
      view.u64(i, WORD.startNanos) === 0
    );
  }

  #takeListener(view: RecordView, i: number): void {
    let slot = this.ends.find(view, i);
    if (slot === NO_END) {
      slot = this.ends.add(view, i, false);
      this.listeners.add(slot);
    } else if (!this.listeners.has(slot)) {
      // A socket can stop being one end of a connection and listen.
      this.#endWithoutRecord(slot);
      this.listeners.add(this.ends.add(view, i, false));
    } else if (!this.ends.isSame(view, i, slot)) {
      this.listeners.remove(slot);
      this.ends.copy(view, i, slot);
      this.listeners.add(slot);
    }
  }

  #update(view: RecordView, i: number, slot: number, news: RecordNews): void {
    const dialled = this.#dialledBy(news, i);
    if (this.ends.dialled[slot] === dialled && this.ends.isSame(view, i, slot)) return;
    const known = this.ends.view;
    const connection = this.ends.connections[slot]!;
    if (this.listeners.has(slot)) this.listeners.remove(slot);
    if (connection !== NO_END && isOtherUse(view, i, known, slot)) {
      this.#endWithoutRecord(slot);
      this.#takeNew(view, i, news);
      return;
    }
    const isSameTuple =
      connection !== NO_END && matches(view, i, known, slot, true) && isSameSpace(view, i, known, slot);
    if (!isSameTuple && connection !== NO_END) this.#detach(slot);
    this.ends.refresh(view, i, slot);
    if (view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close) this.ends.retire(slot);
    this.ends.dialled[slot] = dialled;
    if (isSameTuple) this.#touch(connection);
    else this.#attach(slot);
  }

  /** Finds the connection of an end: one that waits for such an end, or a new one. */
  #attach(slot: number): void {
    const { view } = this.ends;
    const order = endOf(view, slot);
    const hash = tupleHash(view, slot);
    let connection = this.#connectionFor(view, slot, hash);
    if (connection === NO_SLOT) connection = this.connections.add(hash);
    this.connections.ends[connection * 2 + order] = slot;
    this.ends.connections[slot] = connection;
    this.#touch(connection);
  }

  /** The connection that waits for this end, if any does. @param hash of its tuple */
  #connectionFor(view: RecordView, i: number, hash: number): number {
    const { connections } = this;
    const known = this.ends.view;
    let best = NO_SLOT;
    let bestGap = Infinity;
    let order = -1;
    for (
      let candidate = connections.first(hash);
      candidate !== NO_SLOT;
      candidate = connections.next(candidate)
    ) {
      const other = connections.anyEnd(candidate);
      if (other === NO_END || !hasTuple(view, i, known, other)) continue;
      if (order < 0) order = endOf(view, i);
      if (connections.ends[candidate * 2 + order] !== NO_END) continue;
      const gap = this.#gapBetween(view, i, other);
      if (gap < bestGap) [best, bestGap] = [candidate, gap];
    }
    return best;
  }

  /**
   * How ill two ends of one tuple fit: first by the namespaces that are known to talk, then by when they began. Infinity: the
   * one began after the other had ended.
   */
  #gapBetween(view: RecordView, i: number, other: number): number {
    const known = this.ends.view;
    const start = view.u64(i, WORD.startNanos);
    const otherStart = known.u64(other, WORD.startNanos);
    const isClosed = view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close;
    if (known.bytes[other * RECORD.bytes + OFFSET.state] === TcpState.Close) {
      const otherEnd = known.u64(other, WORD.endNanos);
      if (otherEnd === 0 || start === 0 ? !isClosed : start > otherEnd) return Infinity;
    }
    if (isClosed && otherStart > view.u64(i, WORD.endNanos) && view.u64(i, WORD.endNanos) > 0)
      return Infinity;
    const gap = Math.abs(start - otherStart);
    if (this.#shared.length === 0) return gap;
    return this.#talking.has(pairOf(view, i, known, other)) ? gap : gap + 2 ** 52;
  }

  #detach(slot: number): void {
    const connection = this.ends.connections[slot]!;
    const order = this.connections.ends[connection * 2] === slot ? 0 : 1;
    this.connections.ends[connection * 2 + order] = NO_END;
    this.ends.connections[slot] = NO_END;
    if (this.connections.ends[connection * 2 + 1 - order] === NO_END) this.#forget(connection, true);
    else this.#touch(connection);
  }

  #endWithoutRecord(slot: number): void {
    if (this.listeners.has(slot)) {
      this.listeners.remove(slot);
      this.ends.remove(slot);
      return;
    }
    const connection = this.ends.connections[slot]!;
    this.ends.view.bytes[slot * RECORD.bytes + OFFSET.state] = TcpState.Close;
    this.ends.retire(slot);
    if (connection === NO_END) this.ends.remove(slot);
    else this.#touch(connection);
  }

  #endForgotten(): void {
    const { bytes } = this.ends.view;
    for (const slot of this.ends.forgotten())
      if (bytes[slot * RECORD.bytes + OFFSET.state] !== TcpState.Close) this.#endWithoutRecord(slot);
  }

  /** @param ids two words each */
  #endGone(ids: Int32Array): void {
    for (let at = 0; at + 1 < ids.length; at += 2) {
      const slot = this.ends.findId(ids[at]!, ids[at + 1]!);
      if (slot !== NO_END) this.#endWithoutRecord(slot);
    }
  }

  #endLingering(): void {
    for (const connection of this.#lingering) {
      const isTooMany = this.#lingering.size > MAX_LINGERING;
      if (isTooMany) this.unmatched++;
      else if (this.#round - this.connections.closedIn[connection]! < LINGER) return;
      this.#forget(connection, false);
    }
  }

  /** @param isUndone takes out again what it added: it never was */
  #forget(connection: number, isUndone: boolean): void {
    if (isUndone) this.#takeOut(connection);
    const { ends } = this.connections;
    for (const slot of [ends[connection * 2]!, ends[connection * 2 + 1]!])
      if (slot !== NO_END) this.ends.remove(slot);
    this.#lingering.delete(connection);
    this.#guessed.delete(connection);
    this.connections.remove(connection);
  }

  /** Finds which end is the client's, by the stronger evidence of the two: see `#client`. */
  #orient(connection: number): void {
    const { view } = this.ends;
    const { ends } = this.connections;
    const first = ends[connection * 2]!;
    const second = ends[connection * 2 + 1]!;
    let role = 0;
    let evidence = -1;
    if (first !== NO_END) {
      role = this.#roles.roleOf(view, first);
      ({ evidence } = this.#roles);
    }
    if (second !== NO_END) {
      const other = this.#roles.roleOf(view, second);
      // Where both ends connected at once, the lower port is the server's.
      const isSimultaneous = other === role && this.#roles.evidence === evidence;
      if (this.#roles.evidence > evidence || isSimultaneous) {
        role = other === CLIENT ? SERVER : other === SERVER ? CLIENT : BOTH;
        ({ evidence } = this.#roles);
      }
    }
    this.#evidence = evidence;
    if (role === BOTH) {
      this.#client = first !== NO_END ? first : second;
      this.#server = NO_END;
    } else {
      this.#client = role === CLIENT ? first : second;
      this.#server = role === CLIENT ? second : first;
    }
  }

  /** The connection is counted anew when all records are read: both ends are known then. */
  #touch(connection: number): void {
    if (this.connections.isTouched[connection] === 1) return;
    this.connections.isTouched[connection] = 1;
    this.#touched.push(connection);
  }

  #settleTouched(): void {
    for (const connection of this.#touched) {
      if (this.connections.isTouched[connection] === 0) continue;
      this.connections.isTouched[connection] = 0;
      this.#settle(connection);
    }
    this.#touched = [];
  }

  /** Counts a connection as it is known now. */
  #settle(connection: number): void {
    const { view } = this.ends;
    this.#orient(connection);
    const client = this.#client;
    const server = this.#server;
    const evidence = this.#evidence;
    if (evidence <= DirectionEvidence.ListenerTable) this.#guessed.add(connection);
    else this.#guessed.delete(connection);
    const isLive = this.#isLive(client) || this.#isLive(server);
    const space = this.#spaceOf(client, server);
    this.#makeKey(view, client, server, space);
    const via = client === NO_END ? 0 : this.ends.dialled[client]!;
    this.#key[KEY.via] = via;
    const flow = this.book.slotOf(this.#key);
    this.#note(flow, view, client, server, evidence);
    const own = client !== NO_END ? client : server;
    const port = view.halves[own * RECORD.halves + (client !== NO_END ? HALF.localPort : HALF.remotePort)]!;
    this.#count(connection, flow, client, server, isLive, port);
    if (isLive) {
      this.connections.closedIn[connection] = 0;
      this.#lingering.delete(connection);
      return;
    }
    if (this.connections.closedIn[connection] === 0) {
      this.connections.closedIn[connection] = this.#round;
      this.#ended++;
    }
    const isComplete = client !== NO_END && server !== NO_END;
    if (
      isComplete ||
      !this.addresses.has(view.words, own * RECORD.words + WORD.remoteAddress) ||
      isSelfConnect(view, own)
    )
      this.#forget(connection, false);
    else this.#lingering.add(connection);
  }

  #isLive(slot: number): boolean {
    return slot !== NO_END && this.ends.view.bytes[slot * RECORD.bytes + OFFSET.state] !== TcpState.Close;
  }

  /** Adds to the flow what is new of the connection, or moves all of it there. */
  #count(
    connection: number,
    flow: number,
    client: number,
    server: number,
    isLive: boolean,
    port: number,
  ): void {
    const { view } = this.ends;
    const all = this.connections.contributions;
    const isSeeded = this.#isSeeded(client) && this.#isSeeded(server);
    const counted = (isSeeded ? Counted.Adopted : Counted.Opened) | (isLive ? Counted.Live : Counted.Closed);
    const own = client !== NO_END ? client : server;
    const out = own === client ? WORD.bytesSent : WORD.bytesReceived;
    const into = own === client ? WORD.bytesReceived : WORD.bytesSent;
    const baseOut = own === client ? this.ends.baseSent[own]! : this.ends.baseReceived[own]!;
    const baseInto = own === client ? this.ends.baseReceived[own]! : this.ends.baseSent[own]!;
    const lifeSent = view.u64(own, out);
    const lifeReceived = view.u64(own, into);
    const lifeRetransmits = this.#word(client, WORD.retransmits) + this.#word(server, WORD.retransmits);
    const baseRetransmits =
      (client === NO_END ? 0 : this.ends.baseRetransmits[client]!) +
      (server === NO_END ? 0 : this.ends.baseRetransmits[server]!);
    if (all.flow[connection] !== flow || all.port[connection] !== port) {
      this.#takeOut(connection);
      this.connections.joinFlow(connection, flow);
      this.#noteOverflow(flow);
      all.port[connection] = port;
    }
    const sent = Math.max(0, lifeSent - baseOut);
    const received = Math.max(0, lifeReceived - baseInto);
    const retransmits = Math.max(0, lifeRetransmits - baseRetransmits);
    const connectMicros = this.#word(client, WORD.connectMicros) || this.#word(server, WORD.connectMicros);
    const rttMicros = isLive ? this.#word(client, WORD.srttMicros) || this.#word(server, WORD.srttMicros) : 0;
    const liveSent = isLive ? lifeSent : 0;
    const liveReceived = isLive ? lifeReceived : 0;
    const liveRetransmits = isLive ? lifeRetransmits : 0;
    const { book } = this;
    if (
      all.counted[connection] === counted &&
      all.sent[connection] === sent &&
      all.received[connection] === received &&
      all.retransmits[connection] === retransmits &&
      all.earlierSent[connection] === baseOut &&
      all.earlierReceived[connection] === baseInto &&
      all.rttMicros[connection] === rttMicros &&
      all.connectMicros[connection] === connectMicros
    )
      return;
    this.#countKind(flow, all.counted[connection]!, counted, port);
    all.counted[connection] = counted;
    book.add(flow, Num.BytesSent, sent - all.sent[connection]!);
    book.add(flow, Num.BytesReceived, received - all.received[connection]!);
    book.add(flow, Num.Retransmits, retransmits - all.retransmits[connection]!);
    book.add(flow, Life.BytesSent, liveSent - all.lifeSent[connection]!);
    book.add(flow, Life.BytesReceived, liveReceived - all.lifeReceived[connection]!);
    book.add(flow, Life.Retransmits, liveRetransmits - all.lifeRetransmits[connection]!);
    this.#countEarlier(connection, flow, baseOut, baseInto, baseRetransmits);
    all.sent[connection] = sent;
    all.received[connection] = received;
    all.retransmits[connection] = retransmits;
    all.lifeSent[connection] = liveSent;
    all.lifeReceived[connection] = liveReceived;
    all.lifeRetransmits[connection] = liveRetransmits;
    this.#countTimes(connection, flow, connectMicros, rttMicros);
    book.mark(flow);
  }

  /** What the connection had transferred before it was known. */
  #countEarlier(connection: number, flow: number, sent: number, received: number, retransmits: number): void {
    const { book } = this;
    const all = this.connections.contributions;
    book.add(flow, Life.EarlierSent, sent - all.earlierSent[connection]!);
    book.add(flow, Life.EarlierReceived, received - all.earlierReceived[connection]!);
    book.add(flow, Life.EarlierRetransmits, retransmits - all.earlierRetransmits[connection]!);
    all.earlierSent[connection] = sent;
    all.earlierReceived[connection] = received;
    all.earlierRetransmits[connection] = retransmits;
  }

  #countTimes(connection: number, flow: number, connectMicros: number, rttMicros: number): void {
    const { book } = this;
    const all = this.connections.contributions;
    const wasConnect = all.connectMicros[connection]!;
    const wasRtt = all.rttMicros[connection]!;
    book.add(flow, Num.ConnectMicrosSum, connectMicros - wasConnect);
    book.add(flow, Num.ConnectCount, (connectMicros > 0 ? 1 : 0) - (wasConnect > 0 ? 1 : 0));
    book.add(flow, Num.RttMicrosSum, rttMicros - wasRtt);
    book.add(flow, Num.RttCount, (rttMicros > 0 ? 1 : 0) - (wasRtt > 0 ? 1 : 0));
    all.connectMicros[connection] = connectMicros;
    all.rttMicros[connection] = rttMicros;
  }

  #countKind(flow: number, before: number, after: number, port: number): void {
    const { book } = this;
    book.add(flow, Num.Opened, one(after, Counted.Opened) - one(before, Counted.Opened));
    book.add(flow, Num.Adopted, one(after, Counted.Adopted) - one(before, Counted.Adopted));
    book.add(flow, Num.Live, one(after, Counted.Live) - one(before, Counted.Live));
    book.add(flow, Num.Closed, one(after, Counted.Closed) - one(before, Counted.Closed));
    const ports = book.portsOf(flow);
    const { generation } = book;
    if ((before & Counted.Live) === 0 && (after & Counted.Live) !== 0) {
      if ((before & Counted.Closed) !== 0) ports.leftEnded(port);
      ports.opened(port);
    } else if ((before & Counted.Live) !== 0 && (after & Counted.Closed) !== 0)
      ports.closed(port, generation);
    else if (before === 0) ports.passed(port, generation);
  }

  /** Takes out of its flow what a connection added there. */
  #takeOut(connection: number): void {
    const all = this.connections.contributions;
    const flow = all.flow[connection]!;
    if (flow === NO_SLOT) return;
    const { book } = this;
    const counted = all.counted[connection]!;
    book.add(flow, Num.Opened, -one(counted, Counted.Opened));
    book.add(flow, Num.Adopted, -one(counted, Counted.Adopted));
    book.add(flow, Num.Live, -one(counted, Counted.Live));
    book.add(flow, Num.Closed, -one(counted, Counted.Closed));
    book.add(flow, Num.BytesSent, -all.sent[connection]!);
    book.add(flow, Num.BytesReceived, -all.received[connection]!);
    book.add(flow, Num.Retransmits, -all.retransmits[connection]!);
    book.add(flow, Life.BytesSent, -all.lifeSent[connection]!);
    book.add(flow, Life.BytesReceived, -all.lifeReceived[connection]!);
    book.add(flow, Life.Retransmits, -all.lifeRetransmits[connection]!);
    this.#countEarlier(connection, flow, 0, 0, 0);
    this.#countTimes(connection, flow, 0, 0);
    const ports = book.portsOf(flow);
    if ((counted & Counted.Live) !== 0) ports.left(all.port[connection]!);
    else if ((counted & Counted.Closed) !== 0) ports.leftEnded(all.port[connection]!);
    book.mark(flow);
    this.connections.leaveFlow(connection);
    all.clear(connection);
  }

  #isSeeded(slot: number): boolean {
    return slot === NO_END || this.ends.isOlder[slot] === 1;
  }

  #word(slot: number, word: number): number {
    return slot === NO_END ? 0 : this.ends.view.words[slot * RECORD.words + word]! >>> 0;
  }

  /** A connection that began and ended, one or both ends of it in `view`. @param other ALONE: the other end is elsewhere */
  #pass(view: RecordView, i: number, other: number, news: RecordNews): void {
    const { bytes } = view;
    let role = this.#roles.roleOf(view, i);
    let { evidence } = this.#roles;
    if (other !== ALONE && bytes[i * RECORD.bytes + OFFSET.direction] === Direction.Unknown) {
      const otherRole = this.#roles.roleOf(view, other);
      if (this.#roles.evidence > evidence) {
        role = otherRole === CLIENT ? SERVER : CLIENT;
        ({ evidence } = this.#roles);
      }
    } else if (
      other !== ALONE &&
      bytes[i * RECORD.bytes + OFFSET.direction] === bytes[other * RECORD.bytes + OFFSET.direction]
    ) {
      // Where both ends connected at once, the lower port is the server's.
      role = endOf(view, i) === 0 ? SERVER : CLIENT;
    }
    const isClient = role !== SERVER;
    const client = isClient ? i : other;
    const server = isClient ? other : i;
    this.#makeKey(view, client, server, 0);
    this.#key[KEY.via] = client === ALONE ? 0 : this.#dialledBy(news, client);
    const flow = this.book.slotOf(this.#key);
    this.#note(flow, view, client, server, evidence);
    this.#addPassed(flow, view, client, server);
    this.#passed++;
  }

  #addPassed(flow: number, view: RecordView, client: number, server: number): void {
    const { book } = this;
    const { bytes, words, halves } = view;
    const isMeasuredByClient = client !== ALONE;
    const own = isMeasuredByClient ? client : server;
    const isOld = (bytes[own * RECORD.bytes + OFFSET.flags]! & Flag.Seeded) !== 0;
    book.add(flow, isOld ? Num.Adopted : Num.Opened, 1);
    book.add(flow, Num.Closed, 1);
    book.add(
      flow,
      isOld ? Life.EarlierSent : Num.BytesSent,
      view.u64(own, isMeasuredByClient ? WORD.bytesSent : WORD.bytesReceived),
    );
    book.add(
      flow,
      isOld ? Life.EarlierReceived : Num.BytesReceived,
      view.u64(own, isMeasuredByClient ? WORD.bytesReceived : WORD.bytesSent),
    );
    let retransmits = words[own * RECORD.words + WORD.retransmits]! >>> 0;
    if (isMeasuredByClient && server !== ALONE)
      retransmits += words[server * RECORD.words + WORD.retransmits]! >>> 0;
    if (retransmits !== 0) book.add(flow, isOld ? Life.EarlierRetransmits : Num.Retransmits, retransmits);
    const connectMicros = words[own * RECORD.words + WORD.connectMicros]! >>> 0;
    if (connectMicros !== 0) {
      book.add(flow, Num.ConnectMicrosSum, connectMicros);
      book.add(flow, Num.ConnectCount, 1);
    }
    const port = halves[own * RECORD.halves + (isMeasuredByClient ? HALF.localPort : HALF.remotePort)]!;
    book.portsOf(flow).passed(port, book.generation);
    book.mark(flow);
    this.#noteOverflow(flow);
  }

  #noteOverflow(flow: number): void {
    if (this.book.isOverflow(flow)) this.overflowed++;
  }

  /** The key of the flow of a connection; what was dialled is left open. */
  #makeKey(view: RecordView, client: number, server: number, space: number): void {
    const key = this.#key;
    const { words, halves } = view;
    const own = client !== NO_END ? client : server;
    const at = own * RECORD.words;
    const from = at + (own === client ? WORD.localAddress : WORD.remoteAddress);
    const to = at + (own === client ? WORD.remoteAddress : WORD.localAddress);
    for (let word = 0; word < 4; word++) {
      key[KEY.client + word] = words[from + word]!;
      key[KEY.server + word] = words[to + word]!;
    }
    key[KEY.port] = halves[own * RECORD.halves + (own === client ? HALF.remotePort : HALF.localPort)]!;
    const isLoopback = isLoopbackAddress(words, from) || isLoopbackAddress(words, to);
    key[KEY.space] = isLoopback ? words[at + WORD.netns]! : space;
    key[KEY.clientProcess] = client === NO_END ? NO_PROCESS : this.processes.numberOf(view, client);
    key[KEY.serverProcess] =
      server !== NO_END
        ? this.#serverProcess(view, server)
        : isSelfConnect(view, own)
          ? key[KEY.clientProcess]!
          : NO_PROCESS;
    key[KEY.via] = 0;
  }

  #serverProcess(view: RecordView, server: number): number {
    const number = this.processes.numberOf(view, server);
    if (view.bytes[server * RECORD.bytes + OFFSET.pidEvidence] !== PidEvidence.Listener) return number;
    const at = server * RECORD.words;
    const port = view.halves[server * RECORD.halves + HALF.localPort]!;
    return (
      this.#servers.numberAt(view.words[at + WORD.netns]!, view.words, at + WORD.localAddress, port) || number
    );
  }

  /**
   * The namespace that a connection's addresses belong to; 0: they mean the same everywhere, or nobody can tell. Several
   * namespaces of this host can have one address: a connection with both ends here belongs to the server's then.
   */
  #spaceOf(client: number, server: number): number {
    if (this.#shared.length === 0 || client === NO_END || server === NO_END) return 0;
    const { words } = this.ends.view;
    const isShared = (at: number): boolean =>
      this.#shared.some((address) => sameAddress(address, 0, words, at));
    const at = client * RECORD.words;
    if (!isShared(at + WORD.localAddress) && !isShared(at + WORD.remoteAddress)) return 0;
    if (this.#talking.size < MAX_LINGERING)
      this.#talking.add(pairOf(this.ends.view, client, this.ends.view, server));
    return words[server * RECORD.words + WORD.netns]!;
  }

  /** What is known of the flow besides its numbers. */
  #note(flow: number, view: RecordView, client: number, server: number, evidence: number): void {
    const { book } = this;
    let changed = false;
    const direction = book.direction[flow]!;
    if (direction === 0 || evidence < direction) {
      book.direction[flow] = evidence;
      changed = direction !== evidence;
    }
    if (client !== NO_END) {
      const known = view.bytes[client * RECORD.bytes + OFFSET.pidEvidence]!;
      if (known > book.clientEvidence[flow]!) {
        book.clientEvidence[flow] = known;
        changed = true;
      }
      if ((book.here[flow]! & 1) === 0) {
        book.here[flow]! |= 1;
        book.clientNetns[flow] = view.words[client * RECORD.words + WORD.netns]!;
        changed = true;
      }
      if ((view.bytes[client * RECORD.bytes + OFFSET.flags]! & Flag.Mptcp) !== 0)
        changed = this.#noteSubflows(flow, view, client) || changed;
    }
    if (server !== NO_END) {
      const known = view.bytes[server * RECORD.bytes + OFFSET.pidEvidence]!;
      if (known > book.serverEvidence[flow]!) {
        book.serverEvidence[flow] = known;
        changed = true;
        if (known > PidEvidence.Listener) this.#noteServer(view, server);
      }
      if ((book.here[flow]! & 2) === 0) {
        book.here[flow]! |= 2;
        book.serverNetns[flow] = view.words[server * RECORD.words + WORD.netns]!;
        changed = true;
      }
      if ((view.bytes[server * RECORD.bytes + OFFSET.flags]! & Flag.Mptcp) !== 0)
        changed = this.#noteSubflows(flow, view, server) || changed;
    }
    if (changed) book.markDefinition(flow);
  }

  #noteServer(view: RecordView, server: number): void {
    const at = server * RECORD.words;
    const port = view.halves[server * RECORD.halves + HALF.localPort]!;
    const number = this.processes.numberOf(view, server);
    if (number !== NO_PROCESS)
      this.#servers.note(view.words[at + WORD.netns]!, view.words, at + WORD.localAddress, port, number);
  }

  #noteSubflows(flow: number, { bytes }: RecordView, record: number): boolean {
    const subflows = 1 + bytes[record * RECORD.bytes + OFFSET.subflows]!;
    if (subflows <= this.book.subflows[flow]!) return false;
    this.book.subflows[flow] = subflows;
    return true;
  }

  #takeFailure(view: RecordView, i: number, news: RecordNews): void {
    const flow = this.#failureFlow(view, i, news);
    this.book.addFailure(flow, reasonOf(view.halves[i * RECORD.halves + HALF.error]!), 1);
    this.#failed++;
    this.#noteOverflow(flow);
  }

  #failureFlow(view: RecordView, i: number, news: RecordNews): number {
    this.#makeKey(view, i, NO_END, 0);
    this.#key[KEY.via] = this.#dialledBy(news, i);
    const flow = this.book.slotOf(this.#key, true);
    this.#note(flow, view, i, NO_END, view.bytes[i * RECORD.bytes + OFFSET.directionEvidence]!);
    // Connections have ports to be known by, of which failed connects must not take the room.
    if (this.book.isFailedOnly(flow))
      this.book.portsOf(flow).dialled(view.halves[i * RECORD.halves + HALF.localPort]!, this.book.generation);
    return flow;
  }

  /** A connect that has waited for an answer for a while counts as failed for as long as it does. */
  #countPending(view: RecordView, i: number, news: RecordNews, pending: Map<number, number>): void {
    if (pending.size >= MAX_PENDING) return;
    const flow = this.#failureFlow(view, i, news);
    pending.set(flow, (pending.get(flow) ?? 0) + 1);
  }

  #setPending(pending: Map<number, number>): void {
    const reason = reasonOf(WAITING);
    for (const [flow, count] of this.#pending)
      if (!pending.has(flow)) this.book.addFailure(flow, reason, -count);
    for (const [flow, count] of pending) {
      const change = count - (this.#pending.get(flow) ?? 0);
      if (change !== 0) this.book.addFailure(flow, reason, change);
    }
    this.#pending = pending;
  }
}

/**
 * Whether a socket's record is of another connection than its end: it connected anew. That the far end is another one shows
 * nothing: NAT may be looked through later.
 */
function isOtherUse(a: RecordView, i: number, b: RecordView, j: number): boolean {
  if (a.halves[i * RECORD.halves + HALF.localPort] !== b.halves[j * RECORD.halves + HALF.localPort])
    return true;
  const [atA, atB] = [i * RECORD.words + WORD.localAddress, j * RECORD.words + WORD.localAddress];
  if (!sameAddress(a.words, atA, b.words, atB)) return true;
  const [startA, startB] = [a.u64(i, WORD.startNanos), b.u64(j, WORD.startNanos)];
  return startA !== startB && startA !== 0 && startB !== 0;
}

function one(counted: number, bit: number): 0 | 1 {
  return (counted & bit) === 0 ? 0 : 1;
}

/** The two namespaces of a connection, in either order. */
function pairOf(a: RecordView, i: number, b: RecordView, j: number): string {
  const one = a.words[i * RECORD.words + WORD.netns]! >>> 0;
  const other = b.words[j * RECORD.words + WORD.netns]! >>> 0;
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

function isSameSpace(a: RecordView, i: number, b: RecordView, j: number): boolean {
  return a.words[i * RECORD.words + WORD.netns] === b.words[j * RECORD.words + WORD.netns];
}
