/**
 * Pulls values out of JSON text. `JSON.parse` would do for friendly input; it can't tell a key that came twice, and
 * has built everything before any bound can be looked at.
 */
import { ReportError, type ReportErrorCode } from './errors.js';
import type { DecodeLimits } from './limits.js';
import type { Timestamp } from '../model/model.js';
import { parseTimestamp } from './rfc3339.js';
import { GO_ZERO } from '../model/timestamp.js';
import type { ValueKind, ValueReader } from './value-reader.js';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANK = /[ \t\n\r]*/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

export class JsonReader implements ValueReader {
  readonly #json: string;
  readonly #limits: DecodeLimits;
  #depth = 0;
  #position = 0;
  #entries = 0;
  /** Just behind an opening bracket: the first entry has no comma before it. */
  #isFirst = false;

  constructor(json: string, limits: DecodeLimits) {
    if (json.length > limits.maxBytes) {
      throw new ReportError('TOO_LARGE', `cannot read a report of ${json.length} characters`);
    }
    this.#json = json;
    this.#limits = limits;
  }

  kind(): ValueKind {
    const next = this.#peek('a value');
    if (next === '{') return 'map';
    if (next === '[') return 'list';
    if (next === '"') return 'text';
    if (next === 'n') return 'nil';
    return next === 't' || next === 'f' ? 'boolean' : 'number';
  }

  enterMap(what: string): boolean {
    return this.#enter('{', what);
  }

  nextKey(): string | undefined {
    if (!this.#next('}')) return undefined;
    const key = this.identifier('a key');
    if (this.#peek('a map') !== ':') this.fail('BAD_SYNTAX', 'cannot read a map: no colon after the key');
    this.#position++;
    return key;
  }

  enterList(what: string): boolean {
    return this.#enter('[', what);
  }

  nextElement(): boolean {
    return this.#next(']');
  }

  identifier(what: string): string {
    const text = this.#text(what);
    if (LONE_SURROGATE.test(text)) this.fail('INVALID_UTF8', `cannot read ${what}`);
    return text;
  }

  text(what: string): string {
    const text = this.#text(what);
    // A surrogate on its own can't be sent on; encoding it once makes it U+FFFD.
    return LONE_SURROGATE.test(text) ? Buffer.from(text).toString() : text;
  }

  textOrBytes(): string {
    return this.text('text');
  }

  time(what: string): Timestamp {
    const text = this.#text(what);
    if (text === '') return GO_ZERO;
    return parseTimestamp(text) ?? this.fail('BAD_TIMESTAMP', `cannot read ${what}`);
  }

  number(what: string): number {
    if (this.#isNil(what)) return 0;
    const value = Number(this.#digits(what));
    if (!Number.isFinite(value)) this.fail('BAD_NUMBER', `cannot read ${what}`);
    return value + 0; // -0 becomes 0, as from MessagePack
  }

  exactNumber(): number | bigint {
    const digits = this.#digits('a number');
    const value = Number(digits);
    if (!Number.isFinite(value)) this.fail('BAD_NUMBER', 'cannot read a number');
    if (Number.isSafeInteger(value) || !/^-?\d{1,20}$/.test(digits)) return value;
    const exact = BigInt(digits);
    return BigInt.asUintN(64, exact) === exact || BigInt.asIntN(64, exact) === exact ? exact : value;
  }

  boolean(what: string): boolean {
    const next = this.#peek(what);
    if (next === 't') return this.#word('true', what);
    if (next === 'n') this.#word('null', what);
    else if (next === 'f') this.#word('false', what);
    else this.#wrongType(what, next);
    return false;
  }

  charge(entries: number): void {
    this.#entries += entries;
    if (this.#entries > this.#limits.maxEntries) this.fail('TOO_MANY_ENTRIES', 'cannot read on');
  }

  digest(): undefined {
    return undefined;
  }

  passDigested(): void {
    throw new Error('JSON has no digests');
  }

  skip(): void {
    const opened: ('}' | ']')[] = [];
    do {
      const end = this.#skipOne();
      if (end !== undefined) opened.push(end);
      for (let top = opened.at(-1); top !== undefined; top = opened.at(-1)) {
        if (top === '}' ? this.nextKey() !== undefined : this.nextElement()) break;
        opened.pop();
      }
    } while (opened.length > 0);
  }

  end(): void {
    this.#blank();
    if (this.#position !== this.#json.length) this.fail('TRAILING_BYTES', 'cannot end the report');
  }

  fail(code: ReportErrorCode, attempted: string): never {
    throw new ReportError(code, attempted, this.#position);
  }

  /** Passes a scalar, or enters a map or list and tells what ends it. */
  #skipOne(): '}' | ']' | undefined {
    switch (this.kind()) {
      case 'map':
        this.enterMap('a map');
        return '}';
      case 'list':
        this.enterList('a list');
        return ']';
      case 'text':
        this.#text('text');
        return undefined;
      case 'number':
        this.#digits('a number');
        return undefined;
      case 'nil':
      case 'boolean':
        this.boolean('a value');
        return undefined;
    }
  }

  #enter(bracket: '{' | '[', what: string): boolean {
    if (this.#isNil(what)) return false;
    const next = this.#peek(what);
    if (next !== bracket) this.#wrongType(what, next);
    if (++this.#depth > this.#limits.maxDepth) this.fail('TOO_DEEP', `cannot read ${what}`);
    this.#position++;
    this.#isFirst = true;
    return true;
  }

  /** Moves to the next entry of the innermost map or list, or behind its closing bracket. */
  #next(bracket: '}' | ']'): boolean {
    const next = this.#peek('a map or list');
    if (next === bracket) {
      this.#position++;
      this.#depth--;
      this.#isFirst = false;
      return false;
    }
    if (!this.#isFirst) {
      if (next !== ',') this.fail('BAD_SYNTAX', 'cannot read a map or list: no comma between entries');
      this.#position++;
    }
    this.#isFirst = false;
    this.charge(1);
    return true;
  }

  #text(what: string): string {
    if (this.#isNil(what)) return '';
    const next = this.#peek(what);
    if (next !== '"') this.#wrongType(what, next);
    const start = this.#position;
    let end = start;
    do {
      end = this.#json.indexOf('"', end + 1);
      if (end < 0) this.fail('TRUNCATED', `cannot read ${what}: the input ends`);
    } while (this.#isEscaped(end, start));
    if (end - start - 1 > this.#limits.maxTextBytes) this.fail('TEXT_TOO_LONG', `cannot read ${what}`);
    this.#position = end + 1;
    try {
      // Also makes the text one of its own: a slice would keep the whole input alive.
      return JSON.parse(this.#json.slice(start, end + 1)) as string;
    } catch (cause) {
      throw new ReportError('BAD_SYNTAX', `cannot read ${what}`, start, { cause });
    }
  }

  /** Whether an odd number of backslashes stands before `at`. */
  #isEscaped(at: number, floor: number): boolean {
    let slashes = 0;
    while (at - 1 - slashes > floor && this.#json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    return slashes % 2 === 1;
  }

  #digits(what: string): string {
    const next = this.#peek(what);
    NUMBER.lastIndex = this.#position;
    const digits = NUMBER.exec(this.#json)?.[0];
    if (digits === undefined) return this.#wrongType(what, next);
    this.#position += digits.length;
    return digits;
  }

  #isNil(what: string): boolean {
    if (this.#peek(what) !== 'n') return false;
    this.#word('null', what);
    return true;
  }

  #word(word: string, what: string): true {
    if (!this.#json.startsWith(word, this.#position)) this.fail('BAD_SYNTAX', `cannot read ${what}`);
    this.#position += word.length;
    return true;
  }

  #peek(what: string): string {
    this.#blank();
    return this.#json[this.#position] ?? this.fail('TRUNCATED', `cannot read ${what}: the input ends`);
  }

  #blank(): void {
    if (this.#json.charCodeAt(this.#position) > SPACE) return;
    BLANK.lastIndex = this.#position;
    BLANK.test(this.#json);
    this.#position = BLANK.lastIndex;
  }

  #wrongType(what: string, next: string): never {
    const isValue = /[[{"tfn\d-]/.test(next);
    return this.fail(
      isValue ? 'WRONG_TYPE' : 'BAD_SYNTAX',
      `cannot read ${what}: found ${JSON.stringify(next)}`,
    );
  }
}

const BACKSLASH = 0x5c;
const SPACE = 0x20;
