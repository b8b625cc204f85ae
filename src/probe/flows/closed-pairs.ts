/**
 * Local connections of which both ends closed in one snapshot. Nearly all short ones have, and their ends are close
 * to each other: a small table of the ends that came last finds them in one pass. Whoever is not found costs time only.
 */
import { scopeNetns } from '../records/scope.js';
import type { RecordView } from '../records/record-view.js';
import { matches } from './connection-table.js';

/** Ends that wait for their other one at a time. A power of two. */
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
   * The other end of a record that closed, which then waits no more; ALONE: it waits itself, in `left`.
   * @param hash of the record's tuple. Closed ends come in the order they closed: of several uses of one tuple the last one is left over.
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

  /** Records whose other end was not found, in the order they came. */
  left(): number[] {
    const left = this.#inUse;
    for (const waiting of this.#waiting) if (waiting > 0) left.push(waiting - 1);
    return left.sort((a, b) => a - b);
  }
}
