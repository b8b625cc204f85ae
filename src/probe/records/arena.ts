/**
 * Memory for the arrays that are made of one batch, used again for the next one: at a few nanoseconds per record, fresh
 * pages would cost more than what is computed in them.
 */

/** Kept from one batch to the next at most; a larger batch gets the rest from the system each time. */
const KEEP_BYTES = 32 * 1024 * 1024;
/** Of memory that a batch used less than this part of, some is given back. */
const USED_LEAST = 1 / 8;
/** More than the last batch used, as the next one is seldom the same: memory that is made anew has the engine collect. */
const SLACK = 1.25;
const ALIGNMENT = 8;

export class Arena {
  #memory = new ArrayBuffer(0);
  #used = 0;

  /** Starts over: whatever was handed out before must not be used any more. */
  begin(): void {
    const wanted = Math.min(this.#used, KEEP_BYTES);
    const kept = this.#memory.byteLength;
    if (wanted > kept || wanted < kept * USED_LEAST)
      this.#memory = new ArrayBuffer(Math.min(wanted * SLACK, KEEP_BYTES));
    this.#used = 0;
  }

  /** As the arrays' own constructors: filled with zeros, unless it says otherwise. */
  uint8(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? new Uint8Array(length) : new Uint8Array(this.#memory, at, length).fill(0);
  }

  uint16(length: number): Uint16Array {
    const at = this.#take(length * 2);
    return at < 0 ? new Uint16Array(length) : new Uint16Array(this.#memory, at, length).fill(0);
  }

  /** @param content 'unset' for what is written before it is read: filling it would be the larger part of the work */
  int32(length: number, content: 'zeros' | 'unset' = 'zeros'): Int32Array {
    const at = this.#take(length * 4);
    if (at < 0) return new Int32Array(length);
    const array = new Int32Array(this.#memory, at, length);
    return content === 'zeros' ? array.fill(0) : array;
  }

  uint32(length: number): Uint32Array {
    const at = this.#take(length * 4);
    return at < 0 ? new Uint32Array(length) : new Uint32Array(this.#memory, at, length).fill(0);
  }

  float64(length: number): Float64Array {
    const at = this.#take(length * 8);
    return at < 0 ? new Float64Array(length) : new Float64Array(this.#memory, at, length).fill(0);
  }

  /** Where so many bytes are free; negative when they are not, but next time they will be. */
  #take(bytes: number): number {
    const at = this.#used;
    this.#used = at + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return this.#used <= this.#memory.byteLength ? at : -1;
  }
}
