/**
 * Adds the numbers of each followed connection to its flow. The contribution is kept, so that next time only the difference
 * is added, and the whole can be taken out if the connection turns out to belong to another flow.
 */
import { RECORD, WORD } from '../records/layout.js';
import { Num } from '../../flows/flow.js';
import { Counted, NO_SLOT, type ConnectionTable } from './connection-table.js';
import { NO_END, type EndTable } from './end-table.js';
import { Life, type FlowBook } from './flow-book.js';

export class ConnectionCounts {
  /** Connections in the overflow flow: there was no room for their own. */
  overflowed = 0;

  constructor(
    private readonly book: FlowBook,
    private readonly ends: EndTable,
    private readonly connections: ConnectionTable,
  ) {}

  /**
   * Adds the connection's news to the flow, or moves the whole connection there.
   * @param client slot of the client's end, NO_END: unknown. One of the two ends is known.
   * @param port the client's
   */
  count(
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
      this.takeOut(connection);
      this.connections.joinFlow(connection, flow);
      if (this.book.isOverflow(flow)) this.overflowed++;
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

  /** Takes a connection's contribution out of its flow. */
  takeOut(connection: number): void {
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

  /** Counts bytes from before the connection was known. */
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

  #isSeeded(slot: number): boolean {
    return slot === NO_END || this.ends.isOlder[slot] === 1;
  }

  #word(slot: number, word: number): number {
    return slot === NO_END ? 0 : this.ends.view.words[slot * RECORD.words + word]! >>> 0;
  }
}

function one(counted: number, bit: number): 0 | 1 {
  return (counted & bit) === 0 ? 0 : 1;
}
