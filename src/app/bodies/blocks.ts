/**
 * Bytes that come in pieces, copied into blocks for which room was taken. The pieces themselves are not kept: one of a
 * single byte costs more than a hundred times its size, and no count of bytes would show it.
 */
import type { Place } from './room.js';

const FIRST_BLOCK_BYTES = 4 * 1024;
const BLOCK_BYTES_MAX = 1024 * 1024;

export class Blocks {
  readonly #place: Place;
  readonly #blocks: Buffer[] = [];
  /** Of the last block. */
  #freeBytes = 0;
  #length = 0;

  /** @param announcedBytes what will come, if that is known; room for it is taken now. @throws AppError ENGINE_BUSY */
  constructor(place: Place, announcedBytes = 0) {
    this.#place = place;
    if (announcedBytes > 0) this.#add(announcedBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** @throws AppError ENGINE_BUSY */
  append(piece: Buffer): void {
    for (let from = 0; from < piece.length;) {
      if (this.#freeBytes === 0)
        this.#add(Math.min(BLOCK_BYTES_MAX, Math.max(FIRST_BLOCK_BYTES, this.#length)));
      const block = this.#blocks.at(-1)!;
      const copied = piece.copy(block, block.length - this.#freeBytes, from);
      from += copied;
      this.#freeBytes -= copied;
      this.#length += copied;
    }
  }

  /** Each block in turn; its room is given back when the next one is asked for. */
  *drain(): Generator<Buffer> {
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      const isLast = this.#blocks.length === 0;
      yield isLast ? block.subarray(0, block.length - this.#freeBytes) : block;
      this.#place.give(block.length);
    }
    this.#freeBytes = 0;
    this.#length = 0;
  }

  /**
   * All of it in one piece of memory, which can be handed over to another thread. What does not lie in one block is
   * copied, without room for the copy being taken: only one report at a time may do so.
   */
  join(): Uint8Array<ArrayBuffer> {
    const joined = this.#blocks.length === 1 ? this.#blocks[0]! : Buffer.allocUnsafeSlow(this.#length);
    if (this.#blocks.length > 1) {
      let at = 0;
      for (const block of this.#blocks) at += block.copy(joined, at);
    }
    return new Uint8Array(joined.buffer as ArrayBuffer, 0, this.#length);
  }

  #add(bytes: number): void {
    this.#place.take(bytes);
    // Of its own memory, not a part of a pool: it is handed over as a whole.
    this.#blocks.push(Buffer.allocUnsafeSlow(bytes));
    this.#freeBytes = bytes;
  }
}
