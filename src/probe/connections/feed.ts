/**
 * Turns a source's snapshots into batches for one report each, so that every connection is counted once and with both
 * of its ends: a closed end whose other end is local but not yet in the snapshot waits for the next one.
 */
import { completeStragglers, splitStragglers } from '../topology/stragglers.js';
import type { ConnectionSource } from './source.js';

export interface Batch {
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** Records the source lost since the last batch. */
  readonly lost: number;
}

/** How long the other end of a connection may lag behind before a one-off batch goes without it. */
const SETTLE_MS = 50;

export class ConnectionFeed {
  #held: ArrayBuffer = new ArrayBuffer(0);

  constructor(readonly source: ConnectionSource) {}

  /** Everything live now and all that closed since the last call, but for ends that wait for their other end. */
  async next(): Promise<Batch> {
    const snapshot = await this.source.snapshot();
    const split = splitStragglers(snapshot, this.#held);
    this.#held = split.held;
    return { ...split.batch, lost: snapshot.lost };
  }

  /** As `next`, for a single report: waits a moment for the missing ends instead of leaving them to a next batch. */
  async last(): Promise<Batch> {
    const snapshot = await this.source.snapshot();
    const split = splitStragglers(snapshot, this.#held);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const later = await this.source.snapshot();
    return { ...completeStragglers(split, later), lost: snapshot.lost + later.lost };
  }
}
