/**
 * The processes at the ends of flows as small numbers. A process is a PID and its start, as PIDs are reused. A number is
 * released once no flow has it.
 */
import { OFFSET, RECORD, WORD } from '../records/layout.js';
import { type RecordView } from '../records/record-view.js';
import { Slots } from './slot-index.js';

/** A clock tick (USER_HZ) in nanoseconds: /proc gives starts in ticks. */
const TICK_NANOS = 10_000_000;
/** Processes found again without the map; a power of two. */
const RECENT = 256;

/** No process. */
export const NO_PROCESS = 0;

export interface BookedProcess {
  readonly pid: number;
  /** Clock ticks after boot; 0 unknown. */
  readonly startTicks: number;
  /** The kernel's name of it in a record; empty: unknown. */
  readonly comm: string;
}

export class ProcessBook {
  readonly #slots = new Slots();
  readonly #processes: (BookedProcess | undefined)[] = [];
  /** By number, the flows that have it. */
  readonly #uses: number[] = [];
  /** PID → numbers, the newest last. */
  readonly #byPid = new Map<number, number[]>();
  readonly #recent = new Int32Array(RECENT * 4);

  constructor() {
    this.#slots.take(); // number 0
  }

  /** The number of processes. */
  get size(): number {
    return this.#slots.used - 1;
  }

  /** The number of a record's process; `NO_PROCESS`: none. Valid until `settle`, unless a flow uses it. */
  numberOf({ bytes, words }: RecordView, record: number): number {
    const at = record * RECORD.words;
    const pid = words[at + WORD.pid]!;
    if (pid === 0) return NO_PROCESS;
    const low = words[at + WORD.pidStartNanos]!;
    const high = words[at + WORD.pidStartNanos + 1]!;
    const recent = (pid & (RECENT - 1)) * 4;
    const known = this.#recent;
    if (known[recent] === pid && known[recent + 1] === low && known[recent + 2] === high)
      return known[recent + 3]!;
    const startTicks = Math.floor(((high >>> 0) * 2 ** 32 + (low >>> 0)) / TICK_NANOS);
    const number = this.#find(pid, startTicks) ?? this.#add({ pid, startTicks, comm: commOf(bytes, record) });
    known[recent] = pid;
    known[recent + 1] = low;
    known[recent + 2] = high;
    known[recent + 3] = number;
    return number;
  }

  /** @throws RangeError for a number without a process */
  process(number: number): BookedProcess {
    const process = this.#processes[number];
    if (process === undefined) throw new RangeError(`no process has number ${number}`);
    return process;
  }

  /** Whether the process still has a number. */
  has(process: BookedProcess): boolean {
    return this.numberOfKnown(process) !== NO_PROCESS;
  }

  /** The number of a process that had one; `NO_PROCESS`: it was released. */
  numberOfKnown(process: BookedProcess): number {
    const numbers = this.#byPid.get(process.pid) ?? [];
    return numbers.find((number) => this.#processes[number] === process) ?? NO_PROCESS;
  }

  use(number: number): void {
    if (number !== NO_PROCESS) this.#uses[number] = (this.#uses[number] ?? 0) + 1;
  }

  release(number: number): void {
    if (number !== NO_PROCESS) this.#uses[number]!--;
  }

  /** Releases numbers that no flow has. */
  settle(): void {
    let given = false;
    for (let number = 1; number < this.#slots.end; number++) {
      const process = this.#processes[number];
      if (process === undefined || this.#uses[number]! > 0) continue;
      const numbers = this.#byPid.get(process.pid)!.filter((other) => other !== number);
      if (numbers.length > 0) this.#byPid.set(process.pid, numbers);
      else this.#byPid.delete(process.pid);
      this.#processes[number] = undefined;
      this.#slots.giveBack(number);
      given = true;
    }
    if (given) this.#recent.fill(0);
  }

  /** Numbers that flows have. */
  *numbers(): Iterable<number> {
    for (let number = 1; number < this.#slots.end; number++)
      if (this.#processes[number] !== undefined) yield number;
  }

  /** Without a start, the newest process of the PID. */
  #find(pid: number, startTicks: number): number | undefined {
    const numbers = this.#byPid.get(pid);
    if (numbers === undefined || startTicks === 0) return numbers?.at(-1);
    return numbers.find((number) => this.#processes[number]!.startTicks === startTicks);
  }

  #add(process: BookedProcess): number {
    const number = this.#slots.take();
    this.#processes[number] = process;
    this.#uses[number] = 0;
    const numbers = this.#byPid.get(process.pid);
    if (numbers === undefined) this.#byPid.set(process.pid, [number]);
    else numbers.push(number);
    return number;
  }
}

function commOf(bytes: Uint8Array, record: number): string {
  const at = record * RECORD.bytes + OFFSET.comm;
  const comm = bytes.subarray(at, (record + 1) * RECORD.bytes);
  const end = comm.indexOf(0);
  return Buffer.from(comm.subarray(0, end < 0 ? comm.length : end)).toString('utf8');
}
