/**
 * Finds the connection of an end. Both ends have one tuple. Of several connections with that tuple, the end fits the one
 * whose other end began at the same time.
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

  /** The connection that waits for this end; NO_SLOT: none. @param hash of its tuple */
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
   * The mismatch of two ends of one tuple: first whether one began after the other had ended, then whether their namespaces
   * are known to talk, then the difference of their beginnings. Infinity: they are not of one connection. A client's
   * beginning is exact. A server's may be late: a missed handshake is inferred from the next event.
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

  /** Whether a live socket has these two ends in its records. */
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
