/**
 * Takes records out of a batch and puts others in, moving as little memory as it can: what comes in goes where
 * something went out, then to where the batch has room.
 */
import { RECORD } from './layout.js';
import type { RecordBatch, RecordView } from './record-view.js';

export class BatchBuilder {
  #removed: number[] = [];
  readonly #added: Uint8Array[] = [];

  /** Works in the memory of `view`. */
  constructor(private readonly view: RecordView) {}

  /** Each index at most once. */
  remove(index: number): void {
    this.#removed.push(index);
  }

  /** Copies record `index` of another batch; byte `zeroed` of the copy is cleared. */
  add(from: RecordView, index: number, zeroed?: number): void {
    const copy = from.bytes.slice(index * RECORD.bytes, (index + 1) * RECORD.bytes);
    if (zeroed !== undefined) copy[zeroed] = 0;
    this.#added.push(copy);
  }

  build(): RecordBatch {
    const { bytes, count } = this.view;
    const gaps = this.#removed.sort((a, b) => a - b);
    const added = this.#added;
    const filled = Math.min(gaps.length, added.length);
    for (let i = 0; i < filled; i++) bytes.set(added[i]!, gaps[i]! * RECORD.bytes);
    let recordCount = count;
    // From the highest gap down, the last record is never itself a gap that is still open.
    for (let i = gaps.length - 1; i >= filled; i--) {
      const last = --recordCount;
      if (gaps[i] !== last)
        bytes.copyWithin(gaps[i]! * RECORD.bytes, last * RECORD.bytes, (last + 1) * RECORD.bytes);
    }
    if (added.length === filled) return { records: bytes.buffer, recordCount };
    const all = withRoomFor(bytes, (count + added.length - filled) * RECORD.bytes);
    for (let i = filled; i < added.length; i++) all.set(added[i]!, recordCount++ * RECORD.bytes);
    return { records: all.buffer, recordCount };
  }
}

/** The same memory where it goes on for long enough, else a copy with room for more. */
function withRoomFor(bytes: Uint8Array<ArrayBuffer>, wanted: number): Uint8Array<ArrayBuffer> {
  if (wanted <= bytes.buffer.byteLength) return new Uint8Array(bytes.buffer);
  const larger = new Uint8Array(wanted + Math.floor(wanted / 4));
  larger.set(bytes);
  return larger;
}
