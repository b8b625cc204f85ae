/**
 * Half-seen connections: a snapshot can fall into a connection's short life, or between the closes of a local
 * connection's two ends. What is seen of such a connection waits for the next snapshot, at most once, so that a short
 * connection is in one report only, and a local one has both processes.
 *
 * Three cases, for an established record:
 *   live, just born                                → left out: the next snapshot has it again, live or closed
 *   closed, its other end on this host not seen    → held: not in this batch, in the next one whatever comes
 *   closed, its other end on this host still lives → in this batch, and carried: in the next one if that closed meanwhile
 * Failed connects and listeners are never touched.
 */
import { Arena } from '../records/arena.js';
import { BatchBuilder } from '../records/batch-builder.js';
import { ClosedPairs } from './closed-pairs.js';
import { LocalAddresses } from '../records/local-addresses.js';
import { isSelfConnect } from '../records/scope.js';
import { Flag, OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { HALF, HALVES, RecordView, WORD, WORDS, type RecordBatch } from '../records/record-view.js';
import { inChunks, CHUNK } from '../records/chunks.js';
import { TupleTable } from './tuple-table.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { flags: FLAGS, pidStartNanos: PID_START_NANOS, state: STATE } = OFFSET;
const {
  connectMicros: CONNECT_MICROS,
  netns: NETNS,
  remoteAddress: REMOTE_ADDRESS,
  startNanos: START_NANOS,
} = WORD;
const { Established: ESTABLISHED } = Flag;
const { Close: CLOSE } = TcpState;
const BYTES = RECORD_BYTES;
const WORDS_EACH = WORDS;
const HALVES_EACH = HALVES;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;

/** Closed ends held or carried at most; the rest goes into the batch as it is. 9 MiB. */
export const MAX_HELD = 65_536;
/** A live connection that is younger may be one of the many that are over in a moment. */
const NEWBORN_NANOS = 100_000_000;

/** Why a record is in the held buffer: the last reserved byte before `pidStartNanos`, zero in every record of a batch. */
const HELD_MARK = PID_START_NANOS - 1;
const Held = { Waiting: 1, Carried: 2, Newborn: 3 } as const;

/** Nothing in it outlives one call. */
const arena = new Arena();

const NOTHING_HELD = new ArrayBuffer(0);

export interface SnapshotBatch extends RecordBatch {
  /** CLOCK_MONOTONIC nanoseconds when the reading of live sockets began; 0 when the source has no start times. */
  readonly takenAtNanos: number;
}

export interface SplitBatch {
  /** What to report now. Shares the snapshot's memory, which must not be used any more. */
  readonly batch: RecordBatch;
  /** Hand it to the next call. At most MAX_HELD records. */
  readonly held: ArrayBuffer;
  /** Ends that should have waited but for MAX_HELD; they are in the batch, without their other end. */
  readonly overflow: number;
}

/**
 * Splits a snapshot into what is reported now and what waits.
 * @param held what the last call returned as `held`; an empty buffer at first
 */
export function splitHalfSeen(snapshot: SnapshotBatch, held: ArrayBuffer): SplitBatch {
  arena.begin();
  const view = new RecordView(snapshot);
  const old = new RecordView({ records: held, recordCount: held.byteLength / RECORD_BYTES });
  const batch = new BatchBuilder(view);
  const waiting = new HeldBuilder(view);
  const candidates = candidatesOf(view, snapshot.takenAtNanos);
  if (old.count === 0 && candidates.records.length === 0) {
    return { batch: batch.build(), held: NOTHING_HELD, overflow: 0 };
  }
  const others = possibleEnds(view, candidates, old);
  const table = new TupleTable(others.length + old.count, arena);
  const split = new Split(view, snapshot.takenAtNanos, others, table, batch, waiting);
  inChunks(others.length, (from, to) => {
    split.takeIn(from, to);
  });
  for (let i = 0; i < old.count; i++) takeBack(old, i, table, batch);
  split.settleAll();
  const nowHeld = waiting.build();
  return { batch: batch.build(), held: nowHeld, overflow: waiting.overflow };
}

/** The snapshot's side of it. */
class Split {
  readonly #locals: LocalAddresses;
  /** Per other: its tuple, or -1. */
  readonly #tuples: Int32Array;

  constructor(
    private readonly view: RecordView,
    private readonly takenAtNanos: number,
    private readonly others: Int32Array,
    private readonly table: TupleTable,
    private readonly batch: BatchBuilder,
    private readonly waiting: HeldBuilder,
  ) {
    this.#locals = new LocalAddresses(view, 'host');
    this.#tuples = arena.int32(others.length, 'unset').fill(-1);
  }

  /** Others `from` to `to` - 1. */
  takeIn(from: number, to: number): void {
    const { view, others, table } = this;
    for (let at = from; at < to; at++) {
      const i = others[at]!;
      // Whoever is left out is nobody's other end: a closed end waits together with it.
      if (!isClosed(view, i) && isNewborn(view, i, this.takenAtNanos)) {
        if (this.waiting.add(i, Held.Newborn)) this.batch.remove(i);
      } else if (isLocalConnection(view, this.#locals, i)) {
        this.#tuples[at] = table.add(view, i);
      }
    }
  }

  /** Backwards: of several uses of one tuple, closed ends come in the order they closed and the last one is alone. */
  settleAll(): void {
    for (let end = this.others.length; end > 0; end -= CHUNK) this.#settle(Math.max(0, end - CHUNK), end);
  }

  #settle(from: number, to: number): void {
    const { view, others, table, waiting } = this;
    for (let at = to - 1; at >= from; at--) {
      const i = others[at]!;
      const tuple = this.#tuples[at]!;
      if (tuple < 0 || !isClosed(view, i)) continue;
      const end = table.endOf(view, i);
      if (table.takeAlone(tuple, end)) {
        if (waiting.add(i, Held.Waiting)) this.batch.remove(i);
      } else if (table.takeLeftBehind(tuple, end)) {
        waiting.add(i, Held.Carried);
      }
    }
  }
}

/**
 * For a single report: the batch of `split` with everything that was held and, from a later snapshot, the other ends
 * of it. What else the later snapshot has is not part of the report.
 */
export function completeHalfSeen(split: SplitBatch, later: RecordBatch): RecordBatch {
  arena.begin();
  const held = new RecordView({ records: split.held, recordCount: split.held.byteLength / RECORD_BYTES });
  const batch = new BatchBuilder(new RecordView(split.batch));
  const table = new TupleTable(held.count, arena);
  for (let i = 0; i < held.count; i++) {
    if (held.bytes[i * BYTES + HELD_MARK] === Held.Carried) continue;
    batch.add(held, i, HELD_MARK);
    table.add(held, i);
  }
  const rest = new RecordView(later);
  for (let i = 0; i < rest.count; i++) {
    if (!isEstablished(rest, i)) continue;
    const tuple = table.find(rest, i);
    if (tuple >= 0 && table.takeAlone(tuple, 1 - table.endOf(rest, i))) batch.add(rest, i);
  }
  return batch.build();
}

/** Puts a record that was held back into the batch, unless it was reported already and nothing new is known. */
function takeBack(old: RecordView, i: number, table: TupleTable, batch: BatchBuilder): void {
  const mark = old.bytes[i * BYTES + HELD_MARK];
  if (mark === Held.Newborn) return; // the snapshot has it again
  const tuple = table.find(old, i);
  const wanted = mark === Held.Waiting || (tuple >= 0 && table.isAlone(tuple, 1 - table.endOf(old, i)));
  if (!wanted) return;
  batch.add(old, i, HELD_MARK);
  table.add(old, i);
}

/** Records that could be half-seen, and `isPaired` of those that are seen with both ends. */
function candidatesOf(view: RecordView, takenAtNanos: number): Candidates {
  const pairs = new ClosedPairs(view, arena);
  const { isPaired } = pairs;
  let some: Int32Array = new Int32Array(0);
  let count = 0;
  inChunks(view.count, (from, to) => {
    for (let i = from; i < to; i++) {
      if (!isEstablished(view, i)) continue;
      if (isClosed(view, i)) pairs.add(i);
      else if (!isNewborn(view, i, takenAtNanos)) continue;
      if (count === 0) some = arena.int32(view.count - i, 'unset');
      some[count++] = i;
    }
  });
  let left = 0;
  inChunks(count, (from, to) => {
    for (let at = from; at < to; at++) if (isPaired[some[at]!] === 0) some[left++] = some[at]!;
  });
  return { records: some.subarray(0, left), isPaired };
}

interface Candidates {
  readonly records: Int32Array;
  readonly isPaired: Uint8Array;
}

/**
 * Candidates and all established records that could be another end of one of them or of a held one, in order: those whose
 * ports, of which both ends have the same two, differ in the same bits. Of very many idle connections these are few.
 */
function possibleEnds(view: RecordView, { records, isPaired }: Candidates, old: RecordView): Int32Array {
  const isPossible = arena.uint8(0x10000);
  for (const i of records) isPossible[portDifference(view, i)] = 1;
  for (let i = 0; i < old.count; i++) isPossible[portDifference(old, i)] = 1;
  const ends = arena.int32(view.count, 'unset');
  let found = 0;
  inChunks(view.count, (from, to) => {
    for (let i = from; i < to; i++) {
      if (isPaired[i] === 1 || isPossible[portDifference(view, i)] === 0) continue;
      if (isEstablished(view, i)) ends[found++] = i;
    }
  });
  return ends.subarray(0, found);
}

function portDifference({ halves }: RecordView, i: number): number {
  const at = i * HALVES_EACH;
  return halves[at + LOCAL_PORT]! ^ halves[at + REMOTE_PORT]!;
}

function isLocalConnection(view: RecordView, locals: LocalAddresses, i: number): boolean {
  const { words } = view;
  return (
    locals.has(words[i * WORDS_EACH + NETNS]!, words, i * WORDS_EACH + REMOTE_ADDRESS) &&
    !isSelfConnect(view, i)
  );
}

function isEstablished({ bytes }: RecordView, i: number): boolean {
  return (bytes[i * BYTES + FLAGS]! & ESTABLISHED) !== 0;
}

function isClosed({ bytes }: RecordView, i: number): boolean {
  return bytes[i * BYTES + STATE] === CLOSE;
}

function isNewborn(view: RecordView, i: number, takenAtNanos: number): boolean {
  const start = view.u64(i, START_NANOS);
  if (start === 0 || takenAtNanos === 0) return false;
  return start + view.words[i * WORDS_EACH + CONNECT_MICROS]! * 1000 > takenAtNanos - NEWBORN_NANOS;
}

/** Records that wait, marked with the reason. */
class HeldBuilder {
  overflow = 0;
  readonly #records: number[] = [];
  readonly #marks: number[] = [];

  constructor(private readonly view: RecordView) {}

  /** False when the bound is reached. */
  add(i: number, mark: number): boolean {
    if (this.#records.length >= MAX_HELD) {
      this.overflow++;
      return false;
    }
    this.#records.push(i);
    this.#marks.push(mark);
    return true;
  }

  /** Copies them: before anything else moves into their place. */
  build(): ArrayBuffer {
    const { bytes } = this.view;
    const all = new Uint8Array(this.#records.length * BYTES);
    for (let at = 0; at < this.#records.length; at++) {
      const i = this.#records[at]!;
      all.set(bytes.subarray(i * BYTES, (i + 1) * BYTES), at * BYTES);
      all[at * BYTES + HELD_MARK] = this.#marks[at]!;
    }
    return all.buffer;
  }
}
