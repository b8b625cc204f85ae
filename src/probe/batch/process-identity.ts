/**
 * Which processes the records of a batch are about. A process is a PID and the time of its start: a PID alone is given to
 * another process when its owner has ended, and that one must not inherit connections.
 *
 * Records of a process whose PID has another owner now are given a number instead of the PID, from FIRST_GONE on: to
 * everything that groups and counts by PID it is a process like any other. What is shown of it is told by `gone`.
 */
import { Direction, OFFSET, RECORD, WORD } from '../records/layout.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';

/** PIDs are below 2^22 on every Linux (PID_MAX_LIMIT). */
export const FIRST_GONE = 1 << 22;

/** A clock tick (USER_HZ), in which /proc tells starts; nanoseconds. */
const TICK_NANOS = 10_000_000n;
const COMM_BYTES = RECORD.bytes - OFFSET.comm;
/** Processes found again without a look into the map; a power of two. */
const RECENT = 256;

/** A process whose PID another one has. */
export interface GoneProcess {
  readonly pid: number;
  /** As it was when its connection was noted. */
  readonly name: string;
}

/** A batch that may be, in the same memory, what it was the last time: but for counters, or altogether. */
export interface IdentifiableBatch extends RecordBatch {
  readonly unchanged?: boolean;
  readonly sameSockets?: boolean;
}

/** What was found in batches that are still in use: their processes are not looked for again. */
const incarnationsIn = new WeakMap<ArrayBuffer, Map<number, Incarnation>>();

export interface IdentifiedProcesses {
  /** The given batch, or a copy with such numbers in it. */
  readonly batch: RecordBatch;
  /** PIDs of the batch, each with the name that was noted with a connection; empty when none was. */
  readonly names: ReadonlyMap<number, () => string>;
  /** By number - FIRST_GONE. */
  readonly gone: readonly GoneProcess[];
}

/**
 * What a process that has ended is called.
 * @param startTicks in clock ticks after boot; undefined: unknown
 * @param comm as it was noted with a connection
 */
export type NameOf = (pid: number, startTicks: number | undefined, comm: string) => string;

/** What a PID was at one time; several of one PID are a chain. */
interface Incarnation {
  readonly pid: number;
  /** Its start as the record has it: low and high word. */
  readonly low: number;
  readonly high: number;
  /** A record of it. */
  readonly record: number;
  readonly other: Incarnation | undefined;
  /** What stands for it in the records. */
  number: number;
}

/**
 * The given batch is not changed: it may be handed out again.
 * @param startTicksOf the start of the process that has a PID now, in clock ticks after boot; undefined: there is none, or
 *   nobody knows. Without it the newest in the batch is taken to be the owner
 */
export function identifyProcesses(
  batch: IdentifiableBatch,
  startTicksOf: (pid: number) => number | undefined = () => undefined,
  nameOf: NameOf = (_pid, _startTicks, comm) => comm,
): IdentifiedProcesses {
  const view = new RecordView(batch);
  const isKnown = batch.unchanged === true || batch.sameSockets === true;
  const known = isKnown ? incarnationsIn.get(batch.records) : undefined;
  const byPid = known ?? incarnationsOf(view);
  incarnationsIn.set(batch.records, byPid);
  const named = (at: Incarnation): string => {
    const comm = commOf(view, at.record);
    const start = startOf(at);
    return comm === '' ? '' : nameOf(at.pid, start === 0n ? undefined : Number(ticksOf(start)), comm);
  };
  const names = new Map<number, () => string>();
  const gone: GoneProcess[] = [];
  for (const [pid, newest] of byPid) {
    const owner = ownerOf(newest, startTicksOf(pid));
    if (owner !== undefined) names.set(pid, () => named(owner));
    for (let at: Incarnation | undefined = newest; at !== undefined; at = at.other) {
      at.number = pid;
      if (owner !== undefined && isSame(at, owner)) continue;
      at.number = FIRST_GONE + gone.length;
      gone.push({ pid, name: named(at) });
    }
  }
  return { batch: gone.length > 0 ? renumbered(batch, byPid) : batch, names, gone };
}

function incarnationsOf({ bytes, words, count }: RecordView): Map<number, Incarnation> {
  const byPid = new Map<number, Incarnation>();
  const recent: (Incarnation | undefined)[] = new Array<undefined>(RECENT).fill(undefined);
  for (let record = 0; record < count; record++) {
    const at = record * RECORD.words;
    const pid = words[at + WORD.pid]!;
    if (pid === 0) continue;
    const low = words[at + WORD.pidStartNanos]!;
    const high = words[at + WORD.pidStartNanos + 1]!;
    const last = recent[pid & (RECENT - 1)];
    if (last?.pid === pid && last.low === low && last.high === high) continue;
    if (bytes[record * RECORD.bytes + OFFSET.direction] === Direction.Listener) continue;
    let known = byPid.get(pid);
    const other = known;
    while (known !== undefined && (known.low !== low || known.high !== high)) known = known.other;
    if (known === undefined) byPid.set(pid, (known = { pid, low, high, record, other, number: pid }));
    recent[pid & (RECENT - 1)] = known;
  }
  return byPid;
}

/** Undefined when whoever has the PID now is not in the batch. */
function ownerOf(chain: Incarnation, ticksNow: number | undefined): Incarnation | undefined {
  let owner: Incarnation | undefined;
  for (let at: Incarnation | undefined = chain; at !== undefined; at = at.other) {
    const start = startOf(at);
    const isPossible = ticksNow === undefined || start === 0n || ticksOf(start) === BigInt(ticksNow);
    if (isPossible && (owner === undefined || start > startOf(owner))) owner = at;
  }
  return owner;
}

/** A start of 0 is unknown, and one of whole ticks may be rounded. */
function isSame(a: Incarnation, b: Incarnation): boolean {
  const [startA, startB] = [startOf(a), startOf(b)];
  if (startA === startB || startA === 0n || startB === 0n) return true;
  const isRounded = startA % TICK_NANOS === 0n || startB % TICK_NANOS === 0n;
  return isRounded && ticksOf(startA) === ticksOf(startB);
}

/** A record's start of a process as /proc tells it: whole clock ticks. */
export const ticksOf = (startNanos: bigint): bigint => startNanos / TICK_NANOS;

function startOf({ low, high }: Incarnation): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function renumbered(
  { records, recordCount }: RecordBatch,
  byPid: ReadonlyMap<number, Incarnation>,
): RecordBatch {
  const copy = { records: records.slice(0, recordCount * RECORD.bytes), recordCount };
  const { words, count } = new RecordView(copy);
  for (let record = 0; record < count; record++) {
    const at = record * RECORD.words;
    const low = words[at + WORD.pidStartNanos]!;
    const high = words[at + WORD.pidStartNanos + 1]!;
    let known = byPid.get(words[at + WORD.pid]!);
    while (known !== undefined && (known.low !== low || known.high !== high)) known = known.other;
    if (known !== undefined) words[at + WORD.pid] = known.number;
  }
  return copy;
}

function commOf({ bytes }: RecordView, record: number): string {
  const at = record * RECORD.bytes + OFFSET.comm;
  const comm = bytes.subarray(at, at + COMM_BYTES);
  const end = comm.indexOf(0);
  return Buffer.from(comm.subarray(0, end < 0 ? COMM_BYTES : end)).toString('utf8');
}
