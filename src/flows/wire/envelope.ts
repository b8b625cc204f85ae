/**
 * The MessagePack around a statement: one map of numbers, texts and bins. A walk over the heads refuses anything else
 * (extensions, records, nesting, impossible lengths) before unpacking.
 */
import { Packr, Unpackr } from 'msgpackr';
import { StatementError } from './errors.js';
import type { FieldNumber } from './fields.js';

export type HeadValue = number | string;

export interface Envelope {
  readonly head: ReadonlyMap<string, HeadValue>;
  readonly fields: ReadonlyMap<FieldNumber, Uint8Array>;
}

/** The most entries of the map; fewer than half are known. */
const ENTRIES_MAX = 256;
const KEY_BYTES_MAX = 32;

const packr = new Packr({ useRecords: false, mapsAsObjects: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false });

export function packEnvelope({ head, fields }: Envelope): Uint8Array {
  return packr.pack(new Map<string | number, unknown>([...head, ...fields]));
}

/** The bins are views of `bytes`. @throws StatementError */
export function unpackEnvelope(bytes: Uint8Array): Envelope {
  checkShape(bytes);
  const head = new Map<string, HeadValue>();
  const fields = new Map<FieldNumber, Uint8Array>();
  for (const [key, value] of unpackr.unpack(bytes) as Map<string | number, HeadValue | Uint8Array>) {
    const isField = typeof key === 'number';
    if (isField && value instanceof Uint8Array) fields.set(key, value);
    else if (!isField && !(value instanceof Uint8Array)) head.set(key, value);
    else throw new StatementError('WRONG_TYPE', `cannot read field ${key}`);
  }
  return { head, fields };
}

/** @throws StatementError BAD_SYNTAX, TRUNCATED, TRAILING_BYTES, DUPLICATE */
function checkShape(bytes: Uint8Array): void {
  const walk = new Walk(bytes);
  const keys = new Set<string | number>();
  for (let left = walk.mapLength(); left > 0; left--) {
    const key = walk.key();
    if (keys.has(key)) throw new StatementError('DUPLICATE', `cannot read field ${key} twice`);
    keys.add(key);
    walk.passValue();
  }
  if (!walk.isAtEnd) throw new StatementError('TRAILING_BYTES', 'cannot end a statement');
}

class Walk {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  mapLength(): number {
    const head = this.#unsigned(1);
    const length = head === 0xde ? this.#unsigned(2) : head - 0x80;
    if ((head !== 0xde && (head < 0x80 || head > 0x8f)) || length > ENTRIES_MAX) this.#refuse('a statement');
    return length;
  }

  /** A number below 128, or a short text. */
  key(): string | number {
    const head = this.#unsigned(1);
    if (head < 0x80) return head;
    const length = head & 0x1f;
    if (head < 0xa0 || head > 0xbf || length > KEY_BYTES_MAX) this.#refuse('the name of a field');
    const start = this.#at;
    this.#pass(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('latin1');
  }

  passValue(): void {
    const head = this.#unsigned(1);
    if (head < 0x80) return;
    if (head >= 0xa0 && head <= 0xbf) this.#pass(head & 0x1f);
    else if (head >= 0xc4 && head <= 0xc6) this.#pass(this.#unsigned(1 << (head - 0xc4)));
    else if (head >= 0xd9 && head <= 0xdb) this.#pass(this.#unsigned(1 << (head - 0xd9)));
    else if (head >= 0xcc && head <= 0xce) this.#pass(1 << (head - 0xcc));
    else if (head === 0xcb) this.#pass(8);
    else this.#refuse('a field');
  }

  #unsigned(width: number): number {
    const at = this.#at;
    this.#pass(width);
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #pass(length: number): void {
    if (length > this.bytes.length - this.#at)
      throw new StatementError(
        'TRUNCATED',
        `cannot read a statement: ${length} bytes are announced, it is shorter`,
      );
    this.#at += length;
  }

  #refuse(what: string): never {
    throw new StatementError('BAD_SYNTAX', `cannot read ${what} at offset ${this.#at - 1}`);
  }
}
