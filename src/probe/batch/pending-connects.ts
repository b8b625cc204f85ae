/**
 * Marks connects that have waited for an answer for a while: whoever dials an address where nobody answers waits for
 * minutes, and in all that time no connect of his has failed yet.
 */
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { RecordView, WORD, type RecordBatch } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { direction: DIRECTION, flags: FLAGS, state: STATE } = OFFSET;
const { socketId: SOCKET_ID, startNanos: START_NANOS } = WORD;
const { SynSent: SYN_SENT } = TcpState;
const { Connected: CONNECTED } = Direction;
const BYTES = RECORD_BYTES;

/** The first SYN is sent again after a second: who waits for longer has lost one. */
const LONG_NANOS = 1_000_000_000;
/** Remembered from one batch to the next. */
const MAX_REMEMBERED = 65_536;

export class PendingConnects {
  /** Those of the last batch, by socket. */
  #last = new Set<number>();

  /**
   * Sets `Flag.Unanswered` on connects that have waited for a second, or, where their begin is unknown, since the last
   * batch. @param takenAtNanos CLOCK_MONOTONIC nanoseconds of the batch; 0 unknown
   */
  mark(batch: RecordBatch, takenAtNanos: number): void {
    const view = new RecordView(batch);
    const { bytes } = view;
    const pending = new Set<number>();
    inChunks(view.count, (from, to) => {
      for (let i = from; i < to; i++) {
        if (bytes[i * BYTES + STATE] !== SYN_SENT || bytes[i * BYTES + DIRECTION] !== CONNECTED) continue;
        const socket = view.u64(i, SOCKET_ID);
        const start = view.u64(i, START_NANOS);
        if (pending.size < MAX_REMEMBERED) pending.add(socket);
        const isOld = start > 0 && takenAtNanos > 0 && takenAtNanos - start >= LONG_NANOS;
        if (isOld || this.#last.has(socket)) bytes[i * BYTES + FLAGS]! |= Flag.Unanswered;
      }
    });
    this.#last = pending;
  }
}
