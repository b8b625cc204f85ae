/**
 * Reads columns value by value. No announced length allocates memory: every loop takes its rows from a column that must have
 * them (`rows`), and fails if it has not.
 */
import { StatementError } from './errors.js';
import { FIELDS, type FieldNumber } from './fields.js';

const FLOAT_BYTES = 8;
/** The weight of a varint's eighth byte. */
const SCALE_MAX = 2 ** 49;

export class ColumnReader {
  #at = 0;

  /** @param usual each value of a column that was left out; undefined: it has no values */
  constructor(
    private readonly field: FieldNumber,
    private readonly bytes: Uint8Array | undefined,
    private readonly usual: number | undefined,
  ) {}

  get isAtEnd(): boolean {
    return this.bytes === undefined || this.#at === this.bytes.length;
  }

  /** @throws StatementError UNEVEN_COLUMNS, BAD_NUMBER */
  next(): number {
    const { bytes } = this;
    if (bytes === undefined) return this.usual ?? this.#endsEarly();
    const byte = bytes[this.#at++];
    if (byte === undefined) return this.#endsEarly();
    return byte < 0x80 ? byte : this.#rest(bytes, byte & 0x7f);
  }

  #rest(bytes: Uint8Array, low: number): number {
    let value = low;
    for (let scale = 128; scale <= SCALE_MAX; scale *= 128) {
      const byte = bytes[this.#at++];
      if (byte === undefined) return this.#endsEarly();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (value <= Number.MAX_SAFE_INTEGER) return value;
      break;
    }
    throw new StatementError('BAD_NUMBER', `cannot read column ${this.field}`);
  }

  #endsEarly(): never {
    throw new StatementError('UNEVEN_COLUMNS', `cannot read column ${this.field}: it ends early`);
  }
}

export class ColumnsReader {
  readonly #fields: ReadonlyMap<FieldNumber, Uint8Array>;
  readonly #columns = new Map<FieldNumber, ColumnReader>();
  readonly #used = new Set<FieldNumber>();

  constructor(fields: ReadonlyMap<FieldNumber, Uint8Array>) {
    this.#fields = fields;
  }

  /** A column with one value per row of its section. */
  rows(field: FieldNumber): ColumnReader {
    return this.#column(field, undefined);
  }

  column(field: FieldNumber, usual = 0): ColumnReader {
    return this.#column(field, usual);
  }

  /** A field that is no column of varints; empty if it was left out. */
  raw(field: FieldNumber): Uint8Array {
    this.#used.add(field);
    return this.#fields.get(field) ?? new Uint8Array(0);
  }

  /** @throws StatementError UNEVEN_COLUMNS, BAD_NUMBER */
  floats(field: FieldNumber): Float64Array {
    const bytes = this.raw(field);
    const cannot = `cannot read column ${field}`;
    if (bytes.length % FLOAT_BYTES !== 0) throw new StatementError('UNEVEN_COLUMNS', cannot);
    const values = new Float64Array(bytes.length / FLOAT_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < values.length; i++) {
      const value = view.getFloat64(i * FLOAT_BYTES, true);
      if (!Number.isFinite(value)) throw new StatementError('BAD_NUMBER', cannot);
      values[i] = value + 0; // -0 becomes 0: else equal metrics would differ
    }
    return values;
  }

  /** Call it last. @throws StatementError UNEVEN_COLUMNS if a column has more values */
  end(): void {
    for (const [field, { isAtEnd }] of this.#columns)
      if (!isAtEnd)
        throw new StatementError('UNEVEN_COLUMNS', `cannot end column ${field}: there is more of it`);
    for (const [field, bytes] of this.#fields)
      if (field < FIELDS && bytes.length > 0 && !this.#columns.has(field) && !this.#used.has(field))
        throw new StatementError('UNEVEN_COLUMNS', `cannot read column ${field}: nothing it could be of`);
  }

  #column(field: FieldNumber, usual: number | undefined): ColumnReader {
    let column = this.#columns.get(field);
    if (column === undefined)
      this.#columns.set(field, (column = new ColumnReader(field, this.#fields.get(field), usual)));
    return column;
  }
}

/** The inverse of `zigzag`. */
export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
