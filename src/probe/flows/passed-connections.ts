/**
 * Connections that began and ended between two snapshots, as most of a busy host do. Each is added to its flow and not kept.
 */
import { Flag, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import { Num } from '../../flows/flow.js';
import { ALONE } from './closed-pairs.js';
import type { DialledBook } from './dialled-book.js';
import { Life, type FlowBook } from './flow-book.js';
import type { FlowLookup } from './flow-lookup.js';
import type { Orientation } from './orientation.js';
import type { RecordNews } from './record-news.js';

export class PassedConnections {
  /** Connections of this round. */
  passed = 0;
  /** Connections in the overflow flow: there was no room for their own. */
  overflowed = 0;

  constructor(
    private readonly book: FlowBook,
    private readonly flows: FlowLookup,
    private readonly orientation: Orientation,
    private readonly dialled: DialledBook,
  ) {}

  beginRound(): void {
    this.passed = 0;
  }

  /** Adds a connection, one or both ends of it in `view`. @param other ALONE: the other end is elsewhere */
  add(view: RecordView, i: number, other: number, news: RecordNews): void {
    this.orientation.findPassed(view, i, other);
    const { client, server, evidence } = this.orientation;
    const via = client === ALONE ? 0 : this.dialled.numberIn(news.dialled, client);
    const flow = this.flows.slotOf(view, client, server, evidence, via, 0, false);
    this.#count(flow, view, client, server);
    this.passed++;
  }

  #count(flow: number, view: RecordView, client: number, server: number): void {
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
    if (book.isOverflow(flow)) this.overflowed++;
  }
}
