/**
 * Which connection an end belongs to: both ends have one tuple, and of several connections that had the same one the end fits
 * that best whose other end began when it did.
 */
import { Direction, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import { RecordView } from '../records/record-view.js';
import type { SocketEnds } from '../records/source.js';
import { TcpState } from '../records/tcp-state.js';
import { endOf, hasTuple, NO_SLOT, type ConnectionTable } from './connection-table.js';
import { NO_END, type EndTable } from './end-table.js';
import type { SharedAddresses } from './shared-addresses.js';
import { tupleHash } from './tuple-hash.js';

export class ConnectionMatcher {
  constructor(
    private readonly ends: EndTable,
    private readonly connections: ConnectionTable,
    private readonly shared: SharedAddresses,
  ) {}

  /** The connection that waits for this end, if any does; NO_SLOT: none does. @param hash of its tuple */
  connectionFor(view: RecordView, i: number, hash: number): number {
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
   * How ill two ends of one tuple fit: first by whether one began after the other had ended, then by the namespaces that are
   * known to talk, then by when they began. Infinity: they can't be one connection's. When a client began is known exactly; a
   * server's handshake may have been missed, and be known by what came next.
   */
  #gapBetween(view: RecordView, i: number, other: number): number {
    const known = this.ends.view;
    const start = view.u64(i, WORD.startNanos);
    const otherStart = known.u64(other, WORD.startNanos);
    const isClosed = view.bytes[i * RECORD.bytes + OFFSET.state] === TcpState.Close;
    const isOtherClosed = known.bytes[other * RECORD.bytes + OFFSET.state] === TcpState.Close;
    const end = isClosed ? view.u64(i, WORD.endNanos) : 0;
    const otherEnd = isOtherClosed ? known.u64(other, WORD.endNanos) : 0;
    if (isOtherClosed && !isClosed && (otherEnd === 0 || start === 0)) return Infinity;
    let gap = Math.abs(start - otherStart);
    const isLater = otherEnd > 0 && start > otherEnd;
    if (isLater || (end > 0 && otherStart > end)) {
      const direction = isLater
        ? view.bytes[i * RECORD.bytes + OFFSET.direction]
        : known.bytes[other * RECORD.bytes + OFFSET.direction];
      if (direction === Direction.Connected) return Infinity;
      gap += 2 ** 52;
    }
    if (!this.shared.isAny) return gap;
    return this.shared.areTalking(view, i, known, other) ? gap : gap + 2 ** 52;
  }

  /** Whether a live socket has these two ends, as far as its records say. */
  hasSocket({ words, ports, netns }: SocketEnds): boolean {
    const record = new RecordView({ records: new ArrayBuffer(RECORD.bytes), recordCount: 1 });
    record.words.set(words, WORD.localAddress);
    record.halves.set(ports, HALF.localPort);
    record.words[WORD.netns] = netns;
    const order = endOf(record, 0);
    const { connections } = this;
    for (
      let slot = connections.first(tupleHash(record, 0));
      slot !== NO_SLOT;
      slot = connections.next(slot)
    ) {
      const end = connections.ends[slot * 2 + order]!;
      if (end !== NO_END && hasTuple(record, 0, this.ends.view, end) && this.ends.isLive(end)) return true;
    }
    return false;
  }
}
