/**
 * Takes records in: finds each record's socket, and whether its connection began, went on or ended. A connection has two
 * ends (sockets), one or both on this host. News (the other end, a process, the direction, NAT) may move the connection to
 * another flow: its contribution is taken out of the old flow and added to the new one.
 */
import { sameAddress } from '../records/address.js';
import { Direction, Flag, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import { TcpState } from '../records/tcp-state.js';
import { RecordView } from '../records/record-view.js';
import type { SocketEnds } from '../records/source.js';
import { ALONE, ClosedPairs } from './closed-pairs.js';
import { ConnectionCounts } from './connection-counts.js';
import { ConnectionMatcher } from './connection-matcher.js';
import { ConnectionTable, matches, NO_SLOT } from './connection-table.js';
import { DialledBook } from './dialled-book.js';
import { EndTable, NO_END } from './end-table.js';
import { FailedConnects } from './failed-connects.js';
import type { FlowBook } from './flow-book.js';
import { FlowLookup } from './flow-lookup.js';
import { FollowedConnections } from './followed-connections.js';
import { HostAddresses } from './host-addresses.js';
import { ListenerBook } from './listener-book.js';
import { Orientation } from './orientation.js';
import { PassedConnections } from './passed-connections.js';
import type { ProcessBook } from './process-book.js';
import type { RecordNews, TakenCounts } from './record-news.js';
import { Roles } from './roles.js';
import { SharedAddresses } from './shared-addresses.js';
import { tupleHash } from './tuple-hash.js';
import { isUntaken } from './untaken.js';

export class ConnectionTracker {
  readonly ends = new EndTable();
  readonly connections = new ConnectionTable();
  readonly listeners = new ListenerBook(this.ends);
  readonly addresses = new HostAddresses();
  readonly dialled = new DialledBook();
  readonly #roles = new Roles(this.listeners, this.addresses);
  readonly #shared = new SharedAddresses();
  readonly #matcher = new ConnectionMatcher(this.ends, this.connections, this.#shared);
  readonly #pairs = new ClosedPairs();
  readonly #counts: ConnectionCounts;
  readonly #followed: FollowedConnections;
  readonly #passed: PassedConnections;
  readonly #failed: FailedConnects;
  /** Records of untaken connections: they come last, when it is known which process takes the listener's other ones. */
  #untaken: number[] = [];
  /** Records of closed ends that were unknown: all addresses are learnt first, which show where the far ends are. */
  #closed: number[] = [];
  /** Slots of new live ends: closed ends find their other ends first. */
  #fresh: number[] = [];
  /** Records of new ends whose addresses several namespaces have. */
  #ambiguous: number[] = [];
  #listenersSeen = 0;

  constructor(book: FlowBook, processes: ProcessBook) {
    const { ends, connections, addresses, dialled } = this;
    const flows = new FlowLookup(book, processes);
    const orientation = new Orientation(this.#roles);
    this.#counts = new ConnectionCounts(book, ends, connections);
    this.#followed = new FollowedConnections(
      ends,
      connections,
      addresses,
      this.#shared,
      this.#matcher,
      orientation,
      flows,
      this.#counts,
    );
    this.#passed = new PassedConnections(book, flows, orientation, dialled);
    this.#failed = new FailedConnects(book, flows, dialled);
    book.isInUse = (slot) => this.#failed.isPendingIn(slot) || connections.hasAny(slot);
  }

  /** Ends that were dropped before their other end came: there was no room. */
  get unmatched(): number {
    return this.#followed.unmatched;
  }

  /** Connections and failed connects in the overflow flow: there was no room for their own. */
  get overflowed(): number {
    return this.#counts.overflowed + this.#passed.overflowed + this.#failed.overflowed;
  }

  /** Takes records in and brings the flows up to date. */
  take(news: RecordNews): TakenCounts {
    const view = new RecordView(news);
    this.#followed.beginRound();
    this.#passed.beginRound();
    this.#failed.beginRound();
    this.#roles.areListenersListed = news.listenersListed;
    this.#shared.update(news.sharedAddresses ?? []);
    this.ends.beginRound();
    this.#pairs.begin();
    this.#closed = [];
    this.#fresh = [];
    this.#untaken = [];
    const { forgotten } = this.addresses;
    for (let i = 0; i < view.count; i++) this.#takeRecord(view, i, news);
    if (this.addresses.forgotten !== forgotten) this.#learnAgain();
    for (const i of this.#closed) this.#takeClosed(view, i, news);
    for (const slot of this.#fresh) if (this.#isUnattached(slot)) this.#followed.attach(slot);
    this.#followed.settleTouched();
    for (const i of this.#untaken) this.#takeUntaken(view, i, news);
    for (const i of this.#pairs.left()) this.#takeNew(view, i, news);
    this.#takeAmbiguous(view, news);
    if (news.isCompletion !== true) {
      this.#failed.settlePending();
      if (news.isWhole) this.#endForgotten();
      else if (news.gone !== undefined) this.#endGone(news.gone);
    }
    this.#followed.settleTouched();
    if (this.listeners.version !== this.#listenersSeen) {
      this.#listenersSeen = this.listeners.version;
      this.#followed.settleGuessed();
    }
    this.#followed.settleUntaken();
    this.#followed.endLingering();
    return {
      connections: this.#passed.passed + this.#followed.ended + this.#followed.live,
      failed: this.#failed.failed,
      listeners: this.listeners.size,
    };
  }

  #learnAgain(): void {
    for (let slot = 0; slot < this.ends.end; slot++)
      if (this.ends.isUsed(slot)) this.addresses.learn(this.ends.view, slot);
  }

  /** Whether a live socket has these two ends in its records. */
  hasSocket(socket: SocketEnds): boolean {
    return this.#matcher.hasSocket(socket);
  }

  /** Client ports of a flow's live connections. */
  livePorts = (flow: number): number[] => this.#followed.livePorts(flow);

  /** The flow of a socket's connection; NO_SLOT: none. @param slot of the socket's end */
  flowOf(slot: number): number {
    return this.#followed.flowOf(slot);
  }

  /** Whether the end is its connection's client end. */
  isClientEnd(slot: number): boolean {
    return this.#followed.isClientEnd(slot);
  }

  #takeRecord(view: RecordView, i: number, news: RecordNews): void {
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
      if (isClosed) this.#failed.take(view, i, news);
      else if ((flags & Flag.Unanswered) !== 0) this.#failed.takePending(view, i, news);
    } else {
      const slot = (flags & Flag.Brief) !== 0 ? NO_END : this.ends.find(view, i);
      if (slot !== NO_END) this.#update(view, i, slot, news);
      else if (isUntaken(view, i)) this.#untaken.push(i);
      else if (isClosed) this.#closed.push(i);
      else if (this.#shared.isAny) this.#ambiguous.push(i);
      else if (news.isCompletion === true) this.#takeNew(view, i, news);
      else this.#fresh.push(this.#addEnd(view, i, news));
    }
  }

  #takeUntaken(view: RecordView, i: number, news: RecordNews): void {
    if (view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close) this.#takeClosed(view, i, news);
    else if (this.#shared.isAny) this.#ambiguous.push(i);
    else this.#takeNew(view, i, news);
  }

  /** Takes a closed end that was unknown. */
  #takeClosed(view: RecordView, i: number, news: RecordNews): void {
    const isCompletion = news.isCompletion === true;
    if (!this.addresses.has(view.words, i * RECORD.words + WORD.remoteAddress)) {
      if (!isCompletion) this.#passed.add(view, i, ALONE, news);
      return;
    }
    if (this.#shared.isAny) {
      this.#ambiguous.push(i);
      return;
    }
    const hash = tupleHash(view, i);
    if (this.#matcher.connectionFor(view, i, hash) !== NO_SLOT) {
      this.#takeNew(view, i, news);
      return;
    }
    const other = this.#pairs.match(view, i, hash);
    if (other !== ALONE && !isCompletion) this.#passed.add(view, i, other, news);
  }

  #takeNew(view: RecordView, i: number, news: RecordNews): void {
    if (news.isCompletion === true && this.#matcher.connectionFor(view, i, tupleHash(view, i)) === NO_SLOT)
      return;
    this.#followed.attach(this.#addEnd(view, i, news));
  }

  #addEnd(view: RecordView, i: number, news: RecordNews): number {
    const slot = this.ends.add(view, i, this.#hasPast(view, i, news));
    this.ends.dialled[slot] = this.dialled.numberIn(news.dialled, i);
    return slot;
  }

  /** Whether an end has no connection yet. A later record of its socket may have given it one, or made it a listener. */
  #isUnattached(slot: number): boolean {
    return this.ends.connections[slot] === NO_END && this.ends.has(slot) && !this.listeners.has(slot);
  }

  /** Takes new ends whose tuple several connections may have: ends that began at the same time follow each other. */
  #takeAmbiguous(view: RecordView, news: RecordNews): void {
    const starts = this.#ambiguous.map((i) => [view.u64(i, WORD.startNanos), i] as const);
    starts.sort(([a, i], [b, j]) => a - b || i - j);
    for (const [, i] of starts) this.#takeNew(view, i, news);
    this.#ambiguous = [];
  }

  /** Whether the connection is older than its source. */
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
      // A socket can end its connection and listen.
      this.#endWithoutRecord(slot);
      this.listeners.add(this.ends.add(view, i, false));
    } else if (!this.ends.isSame(view, i, slot)) {
      this.listeners.remove(slot);
      this.ends.copy(view, i, slot);
      this.listeners.add(slot);
    }
  }

  #update(view: RecordView, i: number, slot: number, news: RecordNews): void {
    const dialled = this.dialled.numberIn(news.dialled, i);
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
    if (!isSameTuple && connection !== NO_END) this.#followed.detach(slot);
    this.ends.refresh(view, i, slot);
    if (view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close) this.ends.retire(slot);
    this.ends.dialled[slot] = dialled;
    if (isSameTuple) this.#followed.touch(connection);
    else this.#followed.attach(slot);
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
    else this.#followed.touch(connection);
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
}

/**
 * Whether a socket's record is of another connection than its end: the socket was connected again. Another far end proves
 * nothing, as NAT may be resolved later.
 */
function isOtherUse(a: RecordView, i: number, b: RecordView, j: number): boolean {
  if (a.halves[i * RECORD.halves + HALF.localPort] !== b.halves[j * RECORD.halves + HALF.localPort])
    return true;
  const [atA, atB] = [i * RECORD.words + WORD.localAddress, j * RECORD.words + WORD.localAddress];
  if (!sameAddress(a.words, atA, b.words, atB)) return true;
  const [startA, startB] = [a.u64(i, WORD.startNanos), b.u64(j, WORD.startNanos)];
  return startA !== startB && startA !== 0 && startB !== 0;
}

function isSameSpace(a: RecordView, i: number, b: RecordView, j: number): boolean {
  return a.words[i * RECORD.words + WORD.netns] === b.words[j * RECORD.words + WORD.netns];
}
