/**
 * Reading flat records: the same memory seen as bytes, 16-bit and 32-bit words, with the indices of the fields in each.
 * The hot loops of this folder index these arrays themselves; nothing here makes an object per record.
 */
import { OFFSET, RECORD_BYTES } from './record.js';

/** 32-bit words per record. */
export const WORDS = RECORD_BYTES / 4;
/** 16-bit words per record. */
export const HALVES = RECORD_BYTES / 2;

/** Field offsets in 32-bit words; u64 fields by their low word, addresses by the first of four. */
export const WORD = {
  socketId: OFFSET.socketId / 4,
  startNanos: OFFSET.startNanos / 4,
  endNanos: OFFSET.endNanos / 4,
  bytesSent: OFFSET.bytesSent / 4,
  bytesReceived: OFFSET.bytesReceived / 4,
  localAddress: OFFSET.localAddress / 4,
  remoteAddress: OFFSET.remoteAddress / 4,
  netns: OFFSET.netns / 4,
  pid: OFFSET.pid / 4,
  srttMicros: OFFSET.srttMicros / 4,
  retransmits: OFFSET.retransmits / 4,
  connectMicros: OFFSET.connectMicros / 4,
  pidStartNanos: OFFSET.pidStartNanos / 4,
} as const;

/** Field offsets in 16-bit words. */
export const HALF = {
  localPort: OFFSET.localPort / 2,
  remotePort: OFFSET.remotePort / 2,
  errno: OFFSET.errno / 2,
} as const;

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
    if (!(recordCount >= 0) || recordCount * RECORD_BYTES > records.byteLength) {
      throw new RangeError(`${recordCount} records do not fit into ${records.byteLength} bytes`);
    }
    this.count = recordCount;
    this.bytes = new Uint8Array(records, 0, recordCount * RECORD_BYTES);
    this.halves = new Uint16Array(records, 0, recordCount * HALVES);
    this.words = new Int32Array(records, 0, recordCount * WORDS);
  }

  /** A u64 field as a double: exact below 2^53. @param word one of `WORD` */
  u64(index: number, word: number): number {
    const at = index * WORDS + word;
    return (this.words[at]! >>> 0) + (this.words[at + 1]! >>> 0) * 2 ** 32;
  }
}
