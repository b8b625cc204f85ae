/**
 * The dictionary that columns refer to: texts, instants, measurements and processes, each once in a statement. Every
 * statement has its own, so that the two sides share no state that could differ.
 */
import type { Timestamp } from '../../report/model/model.js';
import { ZONE_UTC } from '../../report/model/timestamp.js';
import type { FlowProcess } from '../flow.js';
import { zigzag, type ColumnsWriter } from './column-writer.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';

export class DictionaryWriter {
  readonly #texts = new Map<string, number>();
  #textBytes = 0;
  readonly #times = new Map<string, number>();
  readonly #timeList: Timestamp[] = [];
  /** Most facts of one state share the object. */
  #lastTime: Timestamp | undefined;
  #lastTimeAt = 0;
  readonly #measurements = new Map<number, number>();
  readonly #processes = new Map<string, number>();
  readonly #processList: FlowProcess[] = [];

  /** 0 for the empty text. */
  text(text: string | undefined): number {
    if (text === undefined || text === '') return 0;
    let at = this.#texts.get(text);
    if (at === undefined) {
      at = this.#texts.size + 1;
      this.#texts.set(text, at);
      this.#textBytes += Buffer.byteLength(text);
    }
    return at;
  }

  time(time: Timestamp): number {
    if (time === this.#lastTime) return this.#lastTimeAt;
    const key = `${time.unixSeconds} ${time.nanos} ${time.zoneMinutes}`;
    let at = this.#times.get(key);
    if (at === undefined) {
      at = this.#timeList.length;
      this.#times.set(key, at);
      this.#timeList.push(time);
    }
    this.#lastTime = time;
    return (this.#lastTimeAt = at);
  }

  /** @throws StatementError BAD_NUMBER */
  measurement(value: number): number {
    if (!Number.isFinite(value)) throw new StatementError('BAD_NUMBER', `cannot write measurement ${value}`);
    let at = this.#measurements.get(value);
    if (at === undefined) this.#measurements.set(value, (at = this.#measurements.size));
    return at;
  }

  /** 0 for none. */
  process(process: FlowProcess | undefined): number {
    if (process === undefined) return 0;
    const key = `${process.pid} ${process.startTicks} ${process.name}`;
    let at = this.#processes.get(key);
    if (at === undefined) {
      at = this.#processList.push(process);
      this.#processes.set(key, at);
    }
    return at;
  }

  /** Call it last. @throws StatementError BAD_NUMBER */
  finish(columns: ColumnsWriter): void {
    const pids = columns.rows(Field.ProcessPids);
    const starts = columns.column(Field.ProcessStarts);
    const names = columns.column(Field.ProcessNames);
    for (const { pid, startTicks, name } of this.#processList) {
      pids.push(pid);
      starts.push(startTicks);
      names.push(this.text(name));
    }
    const seconds = columns.rows(Field.TimeSeconds);
    const nanos = columns.column(Field.TimeNanos);
    const zones = columns.column(Field.TimeZones, zigzag(ZONE_UTC));
    let before = 0;
    for (const time of this.#timeList) {
      seconds.push(zigzag(time.unixSeconds - before));
      before = time.unixSeconds;
      nanos.push(time.nanos);
      zones.push(zigzag(time.zoneMinutes));
    }
    columns.floats(Field.Measurements, [...this.#measurements.keys()]);
    const lengths = columns.rows(Field.TextBytes);
    const bytes = Buffer.allocUnsafeSlow(this.#textBytes);
    let at = 0;
    for (const text of this.#texts.keys()) {
      const length = bytes.write(text, at);
      lengths.push(length);
      at += length;
    }
    columns.raw(Field.Texts, bytes);
  }
}
