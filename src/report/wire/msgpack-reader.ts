/**
 * Pulls values out of MessagePack: the old specification Scope speaks (text and bytes are both "raw") and the new
 * one (str8, bin), which other encoders use.
 *
 * Nothing is allocated by a length that was only announced: a map or list of n entries must have n bytes left.
 */
import { isUtf8 } from 'node:buffer';
import { ReportError, type ReportErrorCode } from './errors.js';
import type { DecodeLimits } from './limits.js';
import type { Timestamp } from '../model/model.js';
import { CACHED_BYTES_MAX, cachedAscii } from './text-cache.js';
import { Digester } from './msgpack-digest.js';
import { GO_ZERO } from '../model/timestamp.js';
import { BinaryTimes, looksLikeBinaryTime } from './binary-time.js';
import type { ValueKind, ValueReader } from './value-reader.js';

const NOT_RAW = -1;

export class MsgpackReader implements ValueReader {
  readonly #bytes: Buffer;
  readonly #limits: DecodeLimits;
  readonly #times = new BinaryTimes();
  /** Entries left of each map or list that is being read, outermost first. */
  readonly #left: Float64Array;
  #depth = 0;
  #position = 0;
  #entries = 0;
  #digester: Digester | undefined;

  constructor(bytes: Uint8Array, limits: DecodeLimits) {
    if (bytes.byteLength > limits.maxBytes) {
      throw new ReportError('TOO_LARGE', `cannot read a report of ${bytes.byteLength} bytes`);
    }
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
    this.#left = new Float64Array(limits.maxDepth + 1);
  }

  kind(): ValueKind {
    const head = this.#peek('a value');
    if (head <= 0x7f || head >= 0xe0) return 'number';
    if (head <= 0x8f) return 'map';
    if (head <= 0x9f) return 'list';
    if (head <= 0xbf) return 'text';
    if (head === 0xc0) return 'nil';
    if (head === 0xc2 || head === 0xc3) return 'boolean';
    if (head >= 0xca && head <= 0xd3) return 'number';
    if ((head >= 0xc4 && head <= 0xc6) || (head >= 0xd9 && head <= 0xdb)) return 'text';
    if (head === 0xdc || head === 0xdd) return 'list';
    if (head === 0xde || head === 0xdf) return 'map';
    return this.#wrongType('a value', head);
  }

  enterMap(what: string): boolean {
    const head = this.#peek(what);
    this.#position++;
    if (head >= 0x80 && head <= 0x8f) this.#enter(what, head & 0x0f, 2);
    else if (head === 0xde) this.#enter(what, this.#unsigned(2, what), 2);
    else if (head === 0xdf) this.#enter(what, this.#unsigned(4, what), 2);
    else if (head === 0xc0) return false;
    else this.#wrongType(what, head);
    return true;
  }

  nextKey(): string | undefined {
    return this.nextElement() ? this.identifier('a key') : undefined;
  }

  enterList(what: string): boolean {
    const head = this.#peek(what);
    this.#position++;
    if (head >= 0x90 && head <= 0x9f) this.#enter(what, head & 0x0f, 1);
    else if (head === 0xdc) this.#enter(what, this.#unsigned(2, what), 1);
    else if (head === 0xdd) this.#enter(what, this.#unsigned(4, what), 1);
    else if (head === 0xc0) return false;
    else this.#wrongType(what, head);
    return true;
  }

  nextElement(): boolean {
    const left = this.#left[this.#depth]!;
    if (left === 0) {
      this.#depth--;
      return false;
    }
    this.#left[this.#depth] = left - 1;
    return true;
  }

  identifier(what: string): string {
    const length = this.#rawLength(what);
    if (length === NOT_RAW) return '';
    const start = this.#position;
    const end = (this.#position += length);
    if (length <= CACHED_BYTES_MAX) {
      const text = cachedAscii(this.#bytes, start, end);
      if (text !== undefined) return text;
    }
    if (!isUtf8(this.#bytes.subarray(start, end))) this.fail('INVALID_UTF8', `cannot read ${what}`);
    return this.#bytes.toString('utf8', start, end);
  }

  text(what: string): string {
    const length = this.#rawLength(what);
    if (length === NOT_RAW) return '';
    const start = this.#position;
    const end = (this.#position += length);
    if (length <= CACHED_BYTES_MAX) {
      const text = cachedAscii(this.#bytes, start, end);
      if (text !== undefined) return text;
    }
    return this.#bytes.toString('utf8', start, end);
  }

  textOrBytes(): string | Uint8Array {
    const length = this.#rawLength('text');
    if (length === NOT_RAW) return '';
    const raw = this.#bytes.subarray(this.#position, (this.#position += length));
    return looksLikeBinaryTime(raw) || !isUtf8(raw) ? Uint8Array.from(raw) : raw.toString('utf8');
  }

  time(what: string): Timestamp {
    const length = this.#rawLength(what);
    if (length === NOT_RAW) return GO_ZERO;
    const start = this.#position;
    this.#position += length;
    const time = this.#times.read(this.#bytes, start, length);
    return time ?? this.fail('BAD_TIMESTAMP', `cannot read ${what}`);
  }

  number(what: string): number {
    const value = Number(this.#numeric(what));
    if (!Number.isFinite(value)) this.fail('BAD_NUMBER', `cannot read ${what}`);
    return value + 0; // -0 becomes 0: it has no meaning here, and would make equal metrics differ
  }

  exactNumber(): number | bigint {
    const value = this.#numeric('a number');
    if (typeof value === 'number') return value;
    const short = Number(value);
    return Number.isSafeInteger(short) ? short : value;
  }

  boolean(what: string): boolean {
    const head = this.#peek(what);
    this.#position++;
    if (head === 0xc3) return true;
    if (head === 0xc2 || head === 0xc0) return false;
    return this.#wrongType(what, head);
  }

  charge(entries: number): void {
    this.#entries += entries;
    if (this.#entries > this.#limits.maxEntries) this.fail('TOO_MANY_ENTRIES', 'cannot read on');
  }

  digest(): number | undefined {
    this.#digester ??= new Digester(this.#bytes);
    return this.#digester.digest(this.#position);
  }

  passDigested(): void {
    this.#position = this.#digester?.end ?? this.#position;
  }

  skip(): void {
    const floor = this.#depth;
    do {
      const head = this.#peek('a value');
      this.#position++;
      this.#skipOne(head);
      // Leave what has no more entries; its own entry was taken when it was entered.
      while (this.#depth > floor && !this.nextElement());
    } while (this.#depth > floor);
  }

  end(): void {
    if (this.#position !== this.#bytes.length) this.fail('TRAILING_BYTES', 'cannot end the report');
  }

  fail(code: ReportErrorCode, attempted: string): never {
    throw new ReportError(code, attempted, this.#position);
  }

  #peek(what: string): number {
    const head = this.#bytes[this.#position];
    return head ?? this.fail('TRUNCATED', `cannot read ${what}: the input ends`);
  }

  #enter(what: string, count: number, bytesPerEntry: number): void {
    if (count * bytesPerEntry > this.#bytes.length - this.#position) {
      this.fail('TRUNCATED', `cannot read ${what}: it announces ${count} entries, the input is shorter`);
    }
    this.charge(count);
    if (++this.#depth > this.#limits.maxDepth) this.fail('TOO_DEEP', `cannot read ${what}`);
    this.#left[this.#depth] = count;
  }

  /** Length of the raw that comes next, the position after its head; NOT_RAW for nil. */
  #rawLength(what: string): number {
    const head = this.#peek(what);
    this.#position++;
    if (head >= 0xa0 && head <= 0xbf) return this.#within(head & 0x1f, what);
    if (head === 0xd9 || head === 0xc4) return this.#within(this.#unsigned(1, what), what);
    if (head === 0xda || head === 0xc5) return this.#within(this.#unsigned(2, what), what);
    if (head === 0xdb || head === 0xc6) return this.#within(this.#unsigned(4, what), what);
    if (head === 0xc0) return NOT_RAW;
    return this.#wrongType(what, head);
  }

  #within(length: number, what: string): number {
    if (length > this.#limits.maxTextBytes)
      this.fail('TEXT_TOO_LONG', `cannot read ${what} of ${length} bytes`);
    this.#need(length, what);
    return length;
  }

  #need(length: number, what: string): void {
    if (length > this.#bytes.length - this.#position) {
      this.fail('TRUNCATED', `cannot read ${what}: ${length} bytes are announced, the input is shorter`);
    }
  }

  #unsigned(width: number, what: string): number {
    this.#need(width, what);
    const value = this.#bytes.readUIntBE(this.#position, width);
    this.#position += width;
    return value;
  }

  #numeric(what: string): number | bigint {
    const head = this.#peek(what);
    const at = ++this.#position;
    if (head <= 0x7f) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head === 0xc0) return 0;
    const width = NUMBER_WIDTHS[head - 0xca];
    if (width === undefined) return this.#wrongType(what, head);
    this.#need(width, what);
    this.#position += width;
    switch (head) {
      case 0xca:
        return this.#bytes.readFloatBE(at);
      case 0xcb:
        return this.#bytes.readDoubleBE(at);
      case 0xcf:
        return this.#bytes.readBigUInt64BE(at);
      case 0xd3:
        return this.#bytes.readBigInt64BE(at);
      default:
        return head < 0xd0 ? this.#bytes.readUIntBE(at, width) : this.#bytes.readIntBE(at, width);
    }
  }

  #skipOne(head: number): void {
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) return;
    this.#position--;
    if (head >= 0xc7 && head <= 0xc9) this.#skipExtension(head);
    else if (head >= 0xd4 && head <= 0xd8) this.#skipBytes(2 + (1 << (head - 0xd4)));
    else if (head >= 0xca && head <= 0xd3) this.#numeric('a number');
    else if ((head >= 0x80 && head <= 0x8f) || head >= 0xde) this.#skipMap();
    else if ((head >= 0x90 && head <= 0x9f) || head === 0xdc || head === 0xdd) this.enterList('a list');
    else if (head === 0xc1) this.#wrongType('a value', head);
    else this.#skipText();
  }

  /** A skipped map is a list of twice as many values; keys need not even be text. */
  #skipMap(): void {
    this.enterMap('a map');
    this.#left[this.#depth]! *= 2;
  }

  #skipText(): void {
    const length = this.#rawLength('text');
    if (length !== NOT_RAW) this.#position += length;
  }

  #skipExtension(head: number): void {
    this.#position++;
    const length = this.#unsigned(1 << (head - 0xc7), 'an extension');
    this.#skipBytes(length + 1);
  }

  #skipBytes(length: number): void {
    this.#need(length, 'an extension');
    this.#position += length;
  }

  #wrongType(what: string, head: number): never {
    return this.fail('WRONG_TYPE', `cannot read ${what}: found a value of type 0x${head.toString(16)}`);
  }
}

/** Bytes after the head for 0xca (float32) to 0xd3 (int64). */
const NUMBER_WIDTHS = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;
