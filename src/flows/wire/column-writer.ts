/** Writes columns of varints, and leaves out columns that have only the value that a reader assumes. */
import { StatementError } from './errors.js';
import type { FieldNumber } from './fields.js';

const FIRST_BYTES = 32;
/** LEB128 of 2^53 - 1. */
const VARINT_BYTES_MAX = 8;
const FLOAT_BYTES = 8;

export class ColumnWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #isUsual = true;

  /** @param usual a column of only this value is left out; undefined: the column is never left out */
  constructor(
    private readonly field: FieldNumber,
    private readonly usual: number | undefined,
  ) {}

  /** @throws StatementError BAD_NUMBER */
  push(value: number): void {
    if (value !== this.usual) this.#isUsual = false;
    if (this.#length + VARINT_BYTES_MAX > this.#bytes.length) this.#grow();
    const bytes = this.#bytes;
    if (value >= 0 && value < 128 && Number.isInteger(value)) {
      bytes[this.#length++] = value;
      return;
    }
    if (!Number.isSafeInteger(value) || value < 0)
      throw new StatementError('BAD_NUMBER', `cannot write ${value} to column ${this.field}`);
    let rest = value;
    // Bit shifts work below 2^32 only.
    for (; rest >= 0x8000_0000; rest = Math.floor(rest / 128)) bytes[this.#length++] = (rest % 128) | 0x80;
    for (; rest >= 128; rest >>>= 7) bytes[this.#length++] = (rest & 0x7f) | 0x80;
    bytes[this.#length++] = rest;
  }

  /** Undefined: the column is left out. */
  finish(): Uint8Array | undefined {
    return this.#isUsual ? undefined : this.#bytes.subarray(0, this.#length);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export class ColumnsWriter {
  readonly #columns = new Map<FieldNumber, ColumnWriter>();
  readonly #raw = new Map<FieldNumber, Uint8Array>();

  /** A column that gives a reader the number of rows: it is written if there is any row. */
  rows(field: FieldNumber): ColumnWriter {
    return this.#column(field, undefined);
  }

  column(field: FieldNumber, usual = 0): ColumnWriter {
    return this.#column(field, usual);
  }

  /** A field that is no column of varints. */
  raw(field: FieldNumber, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#raw.set(field, bytes);
  }

  floats(field: FieldNumber, values: readonly number[]): void {
    const bytes = new Uint8Array(values.length * FLOAT_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [i, value] of values.entries()) view.setFloat64(i * FLOAT_BYTES, value, true);
    this.raw(field, bytes);
  }

  finish(): Map<FieldNumber, Uint8Array> {
    const fields = new Map(this.#raw);
    for (const [field, column] of this.#columns) {
      const bytes = column.finish();
      if (bytes !== undefined) fields.set(field, bytes);
    }
    return fields;
  }

  #column(field: FieldNumber, usual: number | undefined): ColumnWriter {
    let column = this.#columns.get(field);
    if (column === undefined) this.#columns.set(field, (column = new ColumnWriter(field, usual)));
    return column;
  }
}

/** Maps signed numbers to non-negative ones: 0, -1, 1, -2 … are 0, 1, 2, 3 … */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
