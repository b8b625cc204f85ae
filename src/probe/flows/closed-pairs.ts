/**
 * Local connections whose two ends closed in one snapshot. Nearly all short local connections do, and their ends come close
 * together: a small table of the latest ends finds them in one pass. An end that is not found only costs time.
 */
import { scopeNetns } from '../records/scope.js';
import type { RecordView } from '../records/record-view.js';
import { matches } from './connection-table.js';

/** The most ends that wait for their other end at a time. A power of two. */
const SLOTS = 4096;
/** No record. */
export const ALONE = -1;

export class ClosedPairs {
  /** Record + 1; 0: none. */
  readonly #waiting = new Int32Array(SLOTS);
  #inUse: number[] = [];

  /** Begins a snapshot. */
  begin(): void {
    this.#waiting.fill(0);
    this.#inUse = [];
  }

  /**
   * The waiting other end of a closed record; ALONE: the record waits itself, in `left`. Closed ends come in the order of
   * their ends: of several uses of one tuple the last one is left over.
   * @param hash of the record's tuple
   */
  match(view: RecordView, record: number, hash: number): number {
    const slot = hash & (SLOTS - 1);
    const other = this.#waiting[slot]! - 1;
    if (other >= 0 && matches(view, record, view, other, false)) {
      if (scopeNetns(view.words, record) === scopeNetns(view.words, other)) {
        this.#waiting[slot] = 0;
        return other;
      }
    }
    if (other >= 0) this.#inUse.push(other);
    this.#waiting[slot] = record + 1;
    return ALONE;
  }

  /** Records whose other end was not found, in their order. */
  left(): number[] {
    const left = this.#inUse;
    for (const waiting of this.#waiting) if (waiting > 0) left.push(waiting - 1);
    return left.sort((a, b) => a - b);
  }
}
