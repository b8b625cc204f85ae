/**
 * Turns a source's snapshots into batches for one report each, in which every connection is counted once and local ones
 * have both ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  completeStragglers,
  markReported,
  ReportedBefore,
  splitStragglers,
  type RecordBatch,
} from '../topology/index.js';
import { NO_FLOWS, type FlowBatch } from '../topology/nat-flow.js';
import { NO_HOLDERS, type HolderBatch } from '../topology/socket-holders.js';
import type { Coverage } from './coverage.js';
import { joinOther } from './other-connections.js';
import type { Completeness, ConnectionSource, OtherConnections, Snapshot, SourceKind } from './source.js';

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
  /** What no record tells of for want of room. Absent where the source has no such group. */
  readonly other?: OtherConnections;
  /** Sockets of other nodes on this kernel. Absent where the source can't tell. */
  readonly foreign?: number;
  /** Absent where the source can't tell. */
  readonly completeness?: Completeness;
}

type Circumstances = Pick<
  Batch,
  'listenersListed' | 'flows' | 'holders' | 'sourceKind' | 'coverage' | 'other' | 'foreign' | 'completeness'
>;

/** How long the other end of a connection may lag behind in a one-off batch. */
const SETTLE_MS = 50;

export class ConnectionFeed {
  /** Records that wait for the next snapshot. */
  #held = new ArrayBuffer(0);
  readonly #reportedBefore = new ReportedBefore();
  #unmatched = 0;
  /** The last batch, when it would be the same again if nothing changed. */
  #settled: RecordBatch | undefined;
  /** That of the last batch. */
  #memory: ArrayBuffer | undefined;

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
    if (snapshot.unchanged === true && settled !== undefined) {
      [this.#settled, this.#memory] = [settled, memory];
      return { ...settled, unchanged: true, lost: snapshot.lost, ...this.#circumstances(snapshot) };
    }
    if (snapshot.sameSockets === true && snapshot.recordCount === settled?.recordCount) {
      // All were reported, and none of them waits for another end.
      markReported(snapshot);
      const batch = { records: snapshot.records, recordCount: snapshot.recordCount };
      [this.#settled, this.#memory] = [batch, batch.records];
      return { ...batch, sameSockets: true, lost: snapshot.lost, ...this.#circumstances(snapshot) };
    }
    const { batch, held, overflow } = splitStragglers(snapshot, this.#held);
    const isAllKnown = this.#reportedBefore.mark(batch);
    this.#settled = isAllKnown && held.byteLength === 0 && this.#held.byteLength === 0 ? batch : undefined;
    this.#memory = batch.records;
    this.#held = held;
    this.#unmatched += overflow;
    return { ...batch, lost: snapshot.lost, ...this.#circumstances(snapshot) };
  }

  /**
   * Monotonic: ends that could not wait for their other end, and live sockets that count as new again, because of the
   * bounds on what is remembered between batches.
   */
  counters(): Readonly<Record<string, number>> {
    return { unmatched_ends: this.#unmatched, forgotten_sockets: this.#reportedBefore.forgotten };
  }

  /** As next(), for the last time: waits a moment for the missing ends instead of holding them over. */
  async last(): Promise<Batch> {
    const first = await this.source.snapshot();
    const split = splitStragglers(first, this.#held);
    await sleep(SETTLE_MS);
    const later = await this.source.snapshot();
    const other = first.other && later.other && joinOther(first.other, later.other);
    const batch = completeStragglers(split, later);
    this.#reportedBefore.mark(batch);
    return {
      ...batch,
      lost: first.lost + later.lost,
      ...this.#circumstances(later),
      ...(other && { other }),
    };
  }

  #circumstances({ listenersListed, flows, holders, other, foreign, completeness }: Snapshot): Circumstances {
    return {
      listenersListed: listenersListed ?? false,
      flows: flows ?? NO_FLOWS,
      holders: holders ?? NO_HOLDERS,
      sourceKind: this.source.kind,
      coverage: this.source.coverage,
      ...(other && { other }),
      ...(foreign !== undefined && { foreign }),
      ...(completeness && { completeness }),
    };
  }
}
