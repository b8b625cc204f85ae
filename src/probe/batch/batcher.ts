/**
 * Turns a source's snapshots into batches for one report each, in which every connection is counted once and local ones
 * have both ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { completeHalfSeen, splitHalfSeen } from './half-seen.js';
import { markReported, SeenBefore } from './seen-before.js';
import { PendingConnects } from './pending-connects.js';
import { lostEnds } from '../records/lost-ends.js';
import type { RecordBatch } from '../records/record-view.js';
import { NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
import { NO_HOLDERS, type HolderBatch } from '../records/holder.js';
import type { Coverage } from '../records/coverage.js';
import { joinOther } from '../records/overflow-counts.js';
import type {
  Completeness,
  ConnectionSource,
  OtherConnections,
  Snapshot,
  SourceKind,
} from '../records/source.js';

/** Valid until the feed is asked for the next one, which may be put into the same memory. */
export interface Batch extends RecordBatch {
  /** The records are those of the last batch, in the same memory. */
  readonly unchanged?: boolean;
  /** The records are of the same sockets as the last batch's, at the same places; only counters differ. */
  readonly sameSockets?: boolean;
  /** Records lost since the last batch. */
  readonly lost: number;
  /** As of the snapshot. */
  readonly listenersListed: boolean;
  /** What connection tracking knows of NAT; none where it is not read. */
  readonly flows: FlowBatch;
  /** Processes that hold sockets which others use. */
  readonly holders: HolderBatch;
  readonly sourceKind: SourceKind;
  /** What the kernel allowed of eBPF; absent where it is not used. */
  readonly coverage?: Coverage | undefined;
  /** What is not seen now, besides for want of programs: one line each, with what to do. */
  readonly shortfalls?: readonly string[];
  /** What no record tells of for want of room. Absent where the source has no such group. */
  readonly other?: OtherConnections;
  /** Sockets of other nodes on this kernel. Absent where the source can't tell. */
  readonly foreign?: number;
  /** Absent where the source can't tell. */
  readonly completeness?: Completeness;
}

type Circumstances = Pick<
  Batch,
  | 'lost'
  | 'listenersListed'
  | 'flows'
  | 'holders'
  | 'sourceKind'
  | 'coverage'
  | 'shortfalls'
  | 'other'
  | 'foreign'
  | 'completeness'
>;

/** How long the other end of a connection may lag behind in a one-off batch. */
const SETTLE_MS = 50;

export class Batcher {
  /** Records that wait for the next snapshot. */
  #held = new ArrayBuffer(0);
  readonly #reportedBefore = new SeenBefore();
  readonly #pending = new PendingConnects();
  #unmatched = 0;
  /** The last batch, when it would be the same again if nothing changed. */
  #settled: RecordBatch | undefined;
  /** That of the last batch. */
  #memory: ArrayBuffer | undefined;

  /** Of batches that came into no report. */
  #lostSince = 0;
  #otherSince: OtherConnections | undefined;
  #unreported = 0;

  constructor(readonly source: ConnectionSource) {}

  /** Everything live now and all that closed since the last call, but for ends that wait for their other end. */
  async next(): Promise<Batch> {
    const [settled, memory] = [this.#settled, this.#memory];
    // If this snapshot fails, nobody knows what is in that memory.
    this.#settled = this.#memory = undefined;
    const snapshot = await this.source.snapshot({
      thrifty: true,
      mayBeUnchanged: settled !== undefined,
      ...(memory && { memory }),
    });
    try {
      return this.#batchOf(snapshot, settled, memory);
    } catch (error) {
      // Its records are taken, and nobody will have them.
      this.#reportedBefore.mark(snapshot);
      this.lose({ ...snapshot, ...this.#circumstances(snapshot) });
      throw error;
    }
  }

  /** A batch of `next` came into no report: what is lost with it is counted as missed, and what lives comes again. */
  lose(batch: Batch): void {
    this.#settled = undefined;
    const ends = lostEnds(batch);
    this.#reportedBefore.unmark(batch);
    this.source.unreported?.(ends);
    let count = 0;
    for (const { active, passive } of ends.values()) count += active + passive;
    this.#unreported += count;
    this.#lostSince += batch.lost + count;
    this.#otherSince = batch.other;
  }

  #batchOf(snapshot: Snapshot, settled: RecordBatch | undefined, memory: ArrayBuffer | undefined): Batch {
    if (snapshot.unchanged === true && settled !== undefined) {
      [this.#settled, this.#memory] = [settled, memory];
      return { ...settled, unchanged: true, ...this.#circumstances(snapshot) };
    }
    if (snapshot.sameSockets === true && snapshot.recordCount === settled?.recordCount) {
      // All were reported, and none of them waits for another end.
      markReported(snapshot);
      const batch = { records: snapshot.records, recordCount: snapshot.recordCount };
      [this.#settled, this.#memory] = [batch, batch.records];
      return { ...batch, sameSockets: true, ...this.#circumstances(snapshot) };
    }
    const { batch, held, overflow } = splitHalfSeen(snapshot, this.#held);
    const isAllKnown = this.#reportedBefore.mark(batch);
    this.#pending.mark(batch, snapshot.takenAtNanos);
    this.#settled = isAllKnown && held.byteLength === 0 && this.#held.byteLength === 0 ? batch : undefined;
    this.#memory = batch.records;
    this.#held = held;
    this.#unmatched += overflow;
    return { ...batch, ...this.#circumstances(snapshot) };
  }

  /**
   * Monotonic: ends that could not wait for their other end, and live sockets that count as new again, because of the
   * bounds on what is remembered between batches; and ends lost with batches that came into no report.
   */
  counters(): Readonly<Record<string, number>> {
    return {
      unmatched_ends: this.#unmatched,
      forgotten_sockets: this.#reportedBefore.forgotten,
      unreported_ends: this.#unreported,
    };
  }

  /** As next(), for the last time: waits a moment for the missing ends instead of holding them over. */
  async last(): Promise<Batch> {
    const first = await this.source.snapshot();
    const split = splitHalfSeen(first, this.#held);
    await sleep(SETTLE_MS);
    const later = await this.source.snapshot();
    const other = first.other && later.other && joinOther(first.other, later.other);
    const batch = completeHalfSeen(split, later);
    this.#reportedBefore.mark(batch);
    this.#pending.mark(first, first.takenAtNanos);
    this.#pending.mark(batch, later.takenAtNanos);
    return {
      ...batch,
      ...this.#circumstances({ ...later, lost: first.lost + later.lost, ...(other && { other }) }),
    };
  }

  /** With what is left over from batches that came into no report: each is told once. */
  #circumstances({
    listenersListed,
    flows,
    holders,
    lost,
    shortfalls,
    other,
    foreign,
    completeness,
  }: Snapshot): Circumstances {
    const [lostSince, otherSince] = [this.#lostSince, this.#otherSince];
    this.#lostSince = 0;
    this.#otherSince = undefined;
    const allOther = otherSince && other ? joinOther(otherSince, other) : (other ?? otherSince);
    return {
      lost: lost + lostSince,
      listenersListed: listenersListed ?? false,
      flows: flows ?? NO_FLOWS,
      holders: holders ?? NO_HOLDERS,
      sourceKind: this.source.kind,
      coverage: this.source.coverage,
      ...(shortfalls && { shortfalls }),
      ...(allOther && { other: allOther }),
      ...(foreign !== undefined && { foreign }),
      ...(completeness && { completeness }),
    };
  }
}
