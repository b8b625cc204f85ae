/** The statement's dictionary, which columns refer to. Every reference is checked. */
import { isUtf8 } from 'node:buffer';
import type { Timestamp } from '../../report/model/model.js';
import { isWithinRange, ZONE_UTC } from '../../report/model/timestamp.js';
import { CACHED_BYTES_MAX, cachedAscii } from '../../report/wire/text-cache.js';
import type { FlowProcess } from '../flow.js';
import type { Budget } from './budget.js';
import { unzigzag, type ColumnsReader } from './column-reader.js';
import { zigzag } from './column-writer.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';

/** The upper two bits of a byte of UTF-8; 10: it does not begin a character. */
const CONTINUATION_MASK = 0xc0;
const CONTINUATION = 0x80;

export class DictionaryReader {
  readonly #texts: readonly string[];
  readonly #times: readonly Timestamp[];
  readonly #measurements: Float64Array;
  readonly #processes: readonly (FlowProcess | undefined)[];

  /** @throws StatementError */
  constructor(columns: ColumnsReader, budget: Budget) {
    this.#texts = readTexts(columns, budget);
    this.#times = readTimes(columns, budget);
    this.#measurements = columns.floats(Field.Measurements);
    this.#processes = this.#readProcesses(columns, budget);
  }

  /** @throws StatementError BAD_REFERENCE */
  text(at: number): string {
    return this.#texts[at] ?? refuse('text', at);
  }

  /** Undefined: the empty text. @throws StatementError BAD_REFERENCE */
  optionalText(at: number): string | undefined {
    return at === 0 ? undefined : this.text(at);
  }

  /** @throws StatementError BAD_REFERENCE */
  time(at: number): Timestamp {
    return this.#times[at] ?? refuse('time', at);
  }

  /** @throws StatementError BAD_REFERENCE */
  measurement(at: number): number {
    return this.#measurements[at] ?? refuse('measurement', at);
  }

  /** Undefined: none. @throws StatementError BAD_REFERENCE */
  process(at: number): FlowProcess | undefined {
    return at < this.#processes.length ? this.#processes[at] : refuse('process', at);
  }

  #readProcesses(columns: ColumnsReader, budget: Budget): readonly (FlowProcess | undefined)[] {
    const processes: (FlowProcess | undefined)[] = [undefined];
    const pids = columns.rows(Field.ProcessPids);
    const starts = columns.column(Field.ProcessStarts);
    const names = columns.column(Field.ProcessNames);
    while (!pids.isAtEnd) {
      budget.entry();
      processes.push({ pid: pids.next(), startTicks: starts.next(), name: this.text(names.next()) });
    }
    return processes;
  }
}

function readTexts(columns: ColumnsReader, budget: Budget): readonly string[] {
  const view = columns.raw(Field.Texts);
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  if (!isUtf8(bytes)) throw new StatementError('INVALID_UTF8', 'cannot read texts');
  const texts = [''];
  const lengths = columns.rows(Field.TextBytes);
  let at = 0;
  while (!lengths.isAtEnd) {
    budget.entry();
    const length = lengths.next();
    if (length > budget.limits.maxTextBytes)
      throw new StatementError('TEXT_TOO_LONG', `cannot read a text of ${length} bytes`);
    if (length > bytes.length - at)
      throw new StatementError('UNEVEN_COLUMNS', 'cannot read texts: they end early');
    const end = at + length;
    if (end < bytes.length && (bytes[end]! & CONTINUATION_MASK) === CONTINUATION)
      throw new StatementError('INVALID_UTF8', 'cannot read a text that ends inside a character');
    const known = length <= CACHED_BYTES_MAX ? cachedAscii(bytes, at, end) : undefined;
    texts.push(known ?? bytes.toString('utf8', at, end));
    at = end;
  }
  if (at !== bytes.length)
    throw new StatementError('UNEVEN_COLUMNS', 'cannot end texts: there is more of them');
  return texts;
}

function readTimes(columns: ColumnsReader, budget: Budget): readonly Timestamp[] {
  const times: Timestamp[] = [];
  const seconds = columns.rows(Field.TimeSeconds);
  const allNanos = columns.column(Field.TimeNanos);
  const zones = columns.column(Field.TimeZones, zigzag(ZONE_UTC));
  let unixSeconds = 0;
  while (!seconds.isAtEnd) {
    budget.entry();
    unixSeconds += unzigzag(seconds.next());
    const nanos = allNanos.next();
    const zoneMinutes = unzigzag(zones.next());
    if (!isWithinRange(unixSeconds, nanos, zoneMinutes))
      throw new StatementError('BAD_TIMESTAMP', 'cannot read a time');
    times.push({ unixSeconds, nanos, zoneMinutes });
  }
  return times;
}

function refuse(what: string, at: number): never {
  throw new StatementError('BAD_REFERENCE', `cannot find ${what} ${at}`);
}
