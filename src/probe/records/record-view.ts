/**
 * Reading flat records: the same memory seen as bytes, 16-bit and 32-bit words; `layout.ts` has the fields' places in each.
 * Hot loops index these arrays themselves; nothing here makes an object per record.
 */
import { RECORD } from './layout.js';

/** A batch of records: what a snapshot or the feed hands over. */
export interface RecordBatch {
  readonly records: ArrayBuffer;
  readonly recordCount: number;
}

export class RecordView {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly halves: Uint16Array;
  /** Signed, so that every value is a small integer to the engine: u32 fields above 2^31 come out negative (`>>> 0`). */
  readonly words: Int32Array;
  readonly count: number;

  /** @throws RangeError when the buffer is shorter than its count says: reading on would invent connections */
  constructor({ records, recordCount }: RecordBatch) {
    if (!(recordCount >= 0) || recordCount * RECORD.bytes > records.byteLength) {
      throw new RangeError(`${recordCount} records do not fit into ${records.byteLength} bytes`);
    }
    this.count = recordCount;
    this.bytes = new Uint8Array(records, 0, recordCount * RECORD.bytes);
    this.halves = new Uint16Array(records, 0, recordCount * RECORD.halves);
    this.words = new Int32Array(records, 0, recordCount * RECORD.words);
  }

  /** A u64 field as a double: exact below 2^53. @param word one of `WORD` */
  u64(index: number, word: number): number {
    const at = index * RECORD.words + word;
    return (this.words[at]! >>> 0) + (this.words[at + 1]! >>> 0) * 2 ** 32;
  }
}
