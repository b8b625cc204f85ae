/**
 * Sweeps over all open files of all processes, one at a time, on the thread pool. The first sweep finds the sockets that
 * are older than the tracker. Later ones find sockets that changed hands without an event: their process ended, and the
 * one that inherited the descriptor, or was passed it, does not read from it. A sweep comes sooner than it is due when the
 * process of a connection is known by its listener only.
 *
 * A sweep has two halves. The first finds a process for each socket, the second its other holders.
 */
import type { NamespacePaths, Tracker } from 'ebpf-bridge/ebpf';
import { NO_HOLDERS, type HolderBatch } from '../../records/holder.js';
import { SWEEP_SHARE } from './rations.js';

/** A sweep that is wanted comes no sooner after the last one, milliseconds. */
const SOON_MS = 1000;

export class Sweeps {
  /** Resolves, or rejects, with the first half of the first one. */
  readonly first: Promise<void>;
  /** As of the last sweep. */
  holders: HolderBatch = NO_HOLDERS;
  /** The first half of one has ended well: all sockets that are older than the tracker are known. */
  hasConfirmed = false;
  #underWay: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #swept = 0;
  #failed = 0;
  #dropped = 0;
  /** Of processor time. */
  #lastMs = 0;
  /** By `performance.now()`. */
  #endedAt = 0;

  /**
   * @param intervalMs from the end of one to the start of the next; longer after long ones
   * @param namespaces where sockets are, as of now: see Tracker.confirmHolders
   */
  constructor(
    private readonly tracker: Pick<Tracker, 'confirmHolders' | 'tellHolders'>,
    private readonly intervalMs: number,
    private readonly namespaces: () => NamespacePaths,
  ) {
    this.first = tracker.confirmHolders(namespaces());
    // A failure of it is reported by whoever waits for it.
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

  /** Waits for the one under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  /** Counts a failure; a tracker that is dead is noticed by the next snapshot. */
  #begin(confirmed: Promise<void>): void {
    this.#underWay = this.#end(confirmed).then(() => {
      this.#schedule();
    });
  }

  async #end(confirmed: Promise<void>): Promise<void> {
    try {
      await confirmed;
      this.hasConfirmed = true;
      const { dropped, cpuNanos, ...holders } = await this.tracker.tellHolders();
      this.#lastMs = cpuNanos / 1e6;
      this.holders = holders.holderCount === 0 ? NO_HOLDERS : holders;
      this.#dropped += dropped;
      this.#swept++;
    } catch {
      this.#failed++;
    }
  }

  /** Rejects where it would throw: nobody is there to catch in a timer. */
  async #confirm(): Promise<void> {
    await this.tracker.confirmHolders(this.namespaces());
  }

  #schedule(): void {
    this.#endedAt = performance.now();
    this.#beginAfter(Math.max(this.intervalMs, this.#shortestPauseMs()));
  }

  /** The next one is wanted soon. Nothing while one is under way: it is the next. */
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
      this.#begin(this.#confirm());
    }, pauseMs).unref();
  }
}
