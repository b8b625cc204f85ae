/**
 * Marks connects that have waited long for an answer: without an answer a connect takes minutes to fail, and nothing else
 * reports it before.
 */
import { Direction, Flag, OFFSET, RECORD, WORD } from '../records/layout.js';
import { TcpState } from '../records/tcp-state.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';

/** The kernel repeats the first SYN after a second: a longer wait means that one was lost. */
const LONG_NANOS = 1_000_000_000;
/** The most connects remembered from one batch to the next. */
const MAX_REMEMBERED = 65_536;

export class PendingConnects {
  /** The last batch's connects, by socket. */
  #last = new Set<number>();

  /**
   * Sets `Flag.Unanswered` on connects that have waited for a second, or, if their beginning is unknown, since the last
   * batch.
   * @param takenAtNanos CLOCK_MONOTONIC nanoseconds of the batch; 0: unknown
   */
  mark(batch: RecordBatch, takenAtNanos: number): void {
    const view = new RecordView(batch);
    const { bytes } = view;
    const pending = new Set<number>();
    for (let i = 0; i < view.count; i++) {
      if (
        bytes[i * RECORD.bytes + OFFSET.state] !== TcpState.SynSent ||
        bytes[i * RECORD.bytes + OFFSET.direction] !== Direction.Connected
      )
        continue;
      const socket = view.u64(i, WORD.socketId);
      const start = view.u64(i, WORD.startNanos);
      if (pending.size < MAX_REMEMBERED) pending.add(socket);
      const isOld = start > 0 && takenAtNanos > 0 && takenAtNanos - start >= LONG_NANOS;
      if (isOld || this.#last.has(socket)) bytes[i * RECORD.bytes + OFFSET.flags]! |= Flag.Unanswered;
    }
    this.#last = pending;
  }
}
