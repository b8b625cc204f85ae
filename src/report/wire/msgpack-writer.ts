/**
 * Pushes values into MessagePack of the old specification: no str8, no bin, no extensions; a time is a raw of
 * 15 bytes.
 */
import { BINARY_TIME_BYTES, writeBinaryTime } from './binary-time.js';
import type { Latest, Timestamp } from '../model/model.js';
import type { ValueWriter } from './value-writer.js';

/** The buffer kept from one report to the next; a report that needed more gives the surplus back. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
/** Up to here a loop over the characters is faster than a call into the encoder. */
const LOOPED_LENGTH_MAX = 48;

let kept = Buffer.allocUnsafeSlow(FIRST_BYTES);

export class MsgpackWriter implements ValueWriter {
  #bytes = kept;
  #position = 0;
  /** The last time written and, before its 15 bytes, what a `latest` entry starts with. */
  #time: Timestamp | undefined;
  readonly #latestHead = Buffer.from(LATEST_HEAD);

  /** What was written; the writer is of no use afterwards. */
  finish(): Uint8Array {
    const result = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#position);
    if (this.#bytes.length <= KEPT_BYTES_MAX) kept = this.#bytes;
    return result;
  }

  beginMap(entries: number): void {
    this.#head(entries, 0x80, 15, 0xde);
  }

  key(name: string): void {
    this.text(name);
  }

  endMap(): void {
    // its count said it all
  }

  beginList(elements: number): void {
    this.#head(elements, 0x90, 15, 0xdc);
  }

  endList(): void {
    // its count said it all
  }

  text(value: string): void {
    const length = value.length;
    this.#reserve(5 + length * 3);
    if (length > LOOPED_LENGTH_MAX || !this.#asciiText(value, length)) {
      const byteLength = Buffer.byteLength(value);
      this.#head(byteLength, 0xa0, 31, 0xda);
      this.#position += this.#bytes.write(value, this.#position, 'utf8');
    }
  }

  bytes(value: Uint8Array): void {
    this.#reserve(5 + value.length);
    this.#head(value.length, 0xa0, 31, 0xda);
    this.#bytes.set(value, this.#position);
    this.#position += value.length;
  }

  time(value: Timestamp): void {
    this.#reserve(1 + BINARY_TIME_BYTES);
    this.#bytes[this.#position] = 0xa0 | BINARY_TIME_BYTES;
    writeBinaryTime(this.#bytes, this.#position + 1, value);
    this.#position += 1 + BINARY_TIME_BYTES;
  }

  latest(value: Latest): void {
    this.#reserve(LATEST_HEAD.length);
    const head = this.#latestHead;
    if (value.timestamp !== this.#time) {
      writeBinaryTime(head, LATEST_TIME_AT, value.timestamp);
      this.#time = value.timestamp;
    }
    const bytes = this.#bytes;
    const at = this.#position;
    for (let i = 0; i < head.length; i++) bytes[at + i] = head[i]!;
    this.#position = at + head.length;
    this.text(value.value);
  }

  number(value: number | bigint): void {
    this.#reserve(9);
    if (typeof value === 'bigint') this.#bigint(value);
    else if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(value);
    else this.#double(value);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  nil(): void {
    this.#byte(0xc0);
  }

  /** False, with nothing written, when the text is not ASCII. Room was reserved. */
  #asciiText(value: string, length: number): boolean {
    const bytes = this.#bytes;
    let at = this.#position;
    if (length < 32) bytes[at++] = 0xa0 | length;
    else {
      bytes[at++] = 0xda;
      bytes[at++] = 0;
      bytes[at++] = length;
    }
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.#position = at;
    return true;
  }

  #head(count: number, fixed: number, fixedMax: number, wide: number): void {
    this.#reserve(5);
    if (count <= fixedMax) {
      this.#bytes[this.#position++] = fixed | count;
    } else if (count <= 0xffff) {
      this.#bytes[this.#position] = wide;
      this.#bytes.writeUInt16BE(count, this.#position + 1);
      this.#position += 3;
    } else {
      this.#bytes[this.#position] = wide + 1;
      this.#bytes.writeUInt32BE(count, this.#position + 1);
      this.#position += 5;
    }
  }

  #integer(value: number): void {
    const bytes = this.#bytes;
    const at = this.#position;
    if (value >= -32 && value <= 127) {
      bytes[at] = value & 0xff;
      this.#position += 1;
    } else if (value < -0x8000_0000 || value > 0xffff_ffff) {
      this.#bigint(BigInt(value));
    } else if (value < 0) {
      bytes[at] = 0xd2;
      this.#position = bytes.writeInt32BE(value, at + 1);
    } else if (value <= 0xffff) {
      bytes[at] = 0xcd;
      this.#position = bytes.writeUInt16BE(value, at + 1);
    } else {
      bytes[at] = 0xce;
      this.#position = bytes.writeUInt32BE(value, at + 1);
    }
  }

  #bigint(value: bigint): void {
    const at = this.#position;
    if (value < 0n) {
      this.#bytes[at] = 0xd3;
      this.#position = this.#bytes.writeBigInt64BE(BigInt.asIntN(64, value), at + 1);
    } else {
      this.#bytes[at] = 0xcf;
      this.#position = this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at + 1);
    }
  }

  #double(value: number): void {
    this.#bytes[this.#position] = 0xcb;
    this.#position = this.#bytes.writeDoubleBE(value, this.#position + 1);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = value;
  }

  #reserve(length: number): void {
    const needed = this.#position + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#position);
    this.#bytes = larger;
  }
}

/** `{timestamp: <15 bytes>, value: ` with the time still to be filled in. */
const LATEST_HEAD = Buffer.concat([
  Buffer.of(0x82),
  Buffer.of(0xa9),
  Buffer.from('timestamp'),
  Buffer.of(0xa0 | BINARY_TIME_BYTES),
  Buffer.alloc(BINARY_TIME_BYTES),
  Buffer.of(0xa5),
  Buffer.from('value'),
]);
const LATEST_TIME_AT = 12;
