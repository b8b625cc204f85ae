/**
 * The distinct sockets at one end of an entry whose tuple was used again, or of which a socket appears twice (live, then
 * closed). At high rates ports are used again within one batch by many entries: nothing is allocated for them.
 */
import { isBriefIn, RecordIndex, type Grouping } from './grouping.js';
import { RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';

/** Longer chains are left to the engine's own sort. */
const INSERTION_SORTED = 32;

/** Which of two records of one socket tells more: positive for `a`. */
export type CompareRecords = (view: RecordView, a: number, b: number) => number;

/** To be used again for one chain after the other: as large as the longest so far. */
export class DistinctSockets {
  /** Of each socket the record that tells most, in the first `count` places. */
  records = new Int32Array(16);
  count = 0;

  /** @param head of a chain of records that `next` leads along, or none */
  find(view: RecordView, { next, packed }: Grouping, head: number, compare: CompareRecords): void {
    // Brief ones are not looked at, which is most of the work: they are spread all over the batch.
    if (!this.#collect(next, packed, head) && this.count > 1) this.#keepOneEach(view, compare);
  }

  /** Whether all are brief. */
  #collect(next: Int32Array, packed: Int32Array, head: number): boolean {
    let length = 0;
    let areBrief = true;
    for (let record = head; record !== RecordIndex.None; record = next[record]!) {
      if (length === this.records.length) {
        const larger = new Int32Array(2 * length);
        larger.set(this.records);
        this.records = larger;
      }
      this.records[length++] = record;
      areBrief &&= isBriefIn(packed[record]!);
    }
    this.count = length;
    return areBrief;
  }

  #keepOneEach(view: RecordView, compare: CompareRecords): void {
    const { records, count } = this;
    const order = (a: number, b: number): number => compareSockets(view, a, b) || compare(view, a, b);
    if (count > INSERTION_SORTED) records.subarray(0, count).sort(order);
    else sortByInsertion(records, count, order);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const isLast = i + 1 === count || compareSockets(view, records[i]!, records[i + 1]!) !== 0;
      if (isLast) records[kept++] = records[i]!;
    }
    this.count = kept;
  }
}

function sortByInsertion(records: Int32Array, count: number, order: (a: number, b: number) => number): void {
  for (let i = 1; i < count; i++) {
    const record = records[i]!;
    let at = i;
    for (; at > 0 && order(records[at - 1]!, record) > 0; at--) records[at] = records[at - 1]!;
    records[at] = record;
  }
}

function compareSockets({ words }: RecordView, a: number, b: number): number {
  const atA = a * RECORD.words + WORD.socketId;
  const atB = b * RECORD.words + WORD.socketId;
  return words[atA + 1]! - words[atB + 1]! || words[atA]! - words[atB]!;
}
