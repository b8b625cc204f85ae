/**
 * Sweeps over all open files of all processes, one at a time, on the thread pool. The first finds the sockets that are
 * older than the tracker. Later ones find sockets that have changed hands without a sign: descriptors that were inherited
 * or passed on and are not read from, while whoever had them is gone.
 *
 * A sweep has two halves: after the first each socket is known with its process, after the second also who else holds it.
 */
import type { Tracker } from 'ebpf-bridge';
import { NO_HOLDERS, type HolderBatch } from '../../topology/socket-holders.js';

/** A sweep is followed by a pause of at least this many times the processor time that it took: a quarter percent of a core. */
const PAUSE_FACTOR = 400;

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

  /**
   * @param intervalMs from the end of one to the start of the next; longer after long ones
   * @param namespaces where sockets are, as of now: see Tracker.confirmHolders
   */
  constructor(
    private readonly tracker: Pick<Tracker, 'confirmHolders' | 'tellHolders'>,
    private readonly intervalMs: number,
    private readonly namespaces: () => Float64Array,
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

  #schedule(): void {
    if (this.#closed) return;
    const pauseMs = Math.max(this.intervalMs, this.#lastMs * PAUSE_FACTOR);
    this.#timer = setTimeout(() => {
      this.#begin(this.tracker.confirmHolders(this.namespaces()));
    }, pauseMs).unref();
  }
}
