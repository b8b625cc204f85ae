/**
 * The probe: every publish interval one tick, a pipeline from the source's snapshot to the publisher. A tick that
 * takes longer than the interval delays the next one; ticks never overlap, and a failed tick does not end the probe.
 */
import type { Logger } from 'pino';
import type { Report } from '../report/model/model.js';
import { assembleReport, type Observers } from './assemble-report.js';
import type { Batch, Batcher } from './batch/batcher.js';
import type { TickObserver } from './self/index.js';

export interface ProbeOptions extends Observers {
  readonly feed: Batcher;
  readonly publishIntervalMs: number;
  /** Takes each report; must not block. */
  readonly publish: (report: Report) => void;
  readonly log: Logger;
  readonly ticks?: TickObserver;
}

export class Probe {
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> = Promise.resolve();
  #isTicking = false;
  #stopped = false;
  #lastTickAt = performance.now();

  constructor(private readonly options: ProbeOptions) {}

  /** Makes the first report at once, then one every interval. */
  start(): void {
    this.#schedule(0);
  }

  /** Sees to it that there is a next tick, and soon; does nothing while one is under way. */
  resume(): void {
    if (this.#stopped || this.#isTicking) return;
    clearTimeout(this.#timer);
    this.#schedule(0);
  }

  /** Ends the ticking; waits for the tick under way. The source, publisher and resolver are closed by their owner. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#tick;
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#tick = this.#runTick();
    }, delayMs);
  }

  async #runTick(): Promise<void> {
    const startedAt = performance.now();
    const windowMs = startedAt - this.#lastTickAt;
    this.#lastTickAt = startedAt;
    const { feed, publish, ticks } = this.options;
    this.#isTicking = true;
    ticks?.started();
    let batch: Batch | undefined;
    try {
      batch = await feed.next();
      const report = await assembleReport(batch, windowMs, this.options);
      publish(report);
      ticks?.finished({
        durationMs: performance.now() - startedAt,
        records: batch.recordCount,
        lost: batch.lost,
        nodes: new Map([...report.topologies].map(([key, { nodes }]) => [key, nodes.size])),
      });
    } catch (error) {
      if (batch !== undefined) feed.lose(batch);
      ticks?.failed(performance.now() - startedAt);
      this.options.log.error({ err: error }, 'this tick made no report; the next one will try again');
    }
    this.#isTicking = false;
    if (!this.#stopped) {
      this.#schedule(Math.max(0, this.options.publishIntervalMs - (performance.now() - startedAt)));
    }
  }
}
