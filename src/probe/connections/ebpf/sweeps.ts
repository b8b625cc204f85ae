/**
 * Sweeps over all open files of all processes, one at a time, on the thread pool. The first sweep adopts the sockets that
 * are older than the tracker. Later sweeps find sockets that changed hands without an event: their process ended, and the
 * process that inherited or received the descriptor does not read from it. A sweep comes early if only the listener's
 * process of a connection is known.
 *
 * A sweep has two halves. The first finds a process for each socket, the second its further fd holders.
 */
import type { NamespacePaths, Tracker } from 'ebpf-bridge/ebpf';
import { NO_HOLDERS, type HolderBatch } from '../../records/holder.js';
import { SWEEP_SHARE } from './rations.js';

/** The least time between a sweep and a hurried one, milliseconds. */
const SOON_MS = 1000;

export class Sweeps {
  /** Settles with the first half of the first sweep. */
  readonly first: Promise<void>;
  /** As of the last sweep. */
  holders: HolderBatch = NO_HOLDERS;
  /** A first half has succeeded: all sockets older than the tracker are known. */
  hasAdopted = false;
  #underWay: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #swept = 0;
  #failed = 0;
  #dropped = 0;
  /** Processor time. */
  #lastMs = 0;
  /** By `performance.now()`. */
  #endedAt = 0;

  /**
   * @param intervalMs from the end of a sweep to the start of the next; longer after long sweeps
   * @param namespaces the current namespaces: see Tracker.sweepAdopt
   */
  constructor(
    private readonly tracker: Pick<Tracker, 'sweepAdopt' | 'sweepHolders'>,
    private readonly intervalMs: number,
    private readonly namespaces: () => NamespacePaths,
  ) {
    this.first = tracker.sweepAdopt(namespaces());
    // Whoever waits for `first` reports its failure.
    this.#begin(this.first);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      sweeps: this.#swept,
      failedSweeps: this.#failed,
      droppedHolders: this.#dropped,
      lastSweepMs: this.#lastMs,
    };
  }

  /** Waits for the current sweep. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  /** Counts a failure; the next snapshot notices a dead tracker. */
  #begin(adopted: Promise<void>): void {
    this.#underWay = this.#end(adopted).then(() => {
      this.#schedule();
    });
  }

  async #end(adopted: Promise<void>): Promise<void> {
    try {
      await adopted;
      this.hasAdopted = true;
      const { dropped, cpuNanos, ...holders } = await this.tracker.sweepHolders();
      this.#lastMs = cpuNanos / 1e6;
      this.holders = holders.holderCount === 0 ? NO_HOLDERS : holders;
      this.#dropped += dropped;
      this.#swept++;
    } catch {
      this.#failed++;
    }
  }

  /** Rejects instead of throwing: in a timer nothing would catch that. */
  async #adopt(): Promise<void> {
    await this.tracker.sweepAdopt(this.namespaces());
  }

  #schedule(): void {
    this.#endedAt = performance.now();
    this.#beginAfter(Math.max(this.intervalMs, this.#shortestPauseMs()));
  }

  /** Begins the next sweep soon. Does nothing during a sweep: that is the next one. */
  hurry(): void {
    if (this.#timer === undefined) return;
    const sinceMs = performance.now() - this.#endedAt;
    const pauseMs = Math.max(Math.min(SOON_MS, this.intervalMs), this.#shortestPauseMs());
    this.#beginAfter(Math.max(0, pauseMs - sinceMs));
  }

  #shortestPauseMs(): number {
    return this.#lastMs / SWEEP_SHARE;
  }

  #beginAfter(pauseMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#begin(this.#adopt());
    }, pauseMs).unref();
  }
}
