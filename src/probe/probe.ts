/**
 * The probe: one tick of the pipeline every publish interval. A tick that takes longer than the interval delays the next
 * one. Ticks never overlap, and a failed tick does not end the probe.
 */
import type { Logger } from 'pino';
import type { Pipeline, TickResult } from './pipeline.js';
import type { TickObserver } from './self/index.js';

export interface ProbeOptions {
  readonly pipeline: Pipeline;
  readonly publishIntervalMs: number;
  /** Called after each tick: there is a new state. Must not block. */
  readonly onState: (result: TickResult) => void;
  readonly log: Logger;
  readonly ticks?: TickObserver;
}

export class Probe {
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> = Promise.resolve();
  #isTicking = false;
  #stopped = false;

  constructor(private readonly options: ProbeOptions) {}

  /** Makes the first state at once, then one every interval. */
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
    const { pipeline, onState, ticks } = this.options;
    this.#isTicking = true;
    ticks?.started();
    try {
      const result = await pipeline.next();
      onState(result);
      const { records, lost, nodes } = result;
      ticks?.finished({ durationMs: performance.now() - startedAt, records, lost, nodes });
    } catch (error) {
      ticks?.failed(performance.now() - startedAt);
      this.options.log.error({ err: error }, 'this tick made no state; the next one will try again');
    }
    this.#isTicking = false;
    if (!this.#stopped) {
      this.#schedule(Math.max(0, this.options.publishIntervalMs - (performance.now() - startedAt)));
    }
  }
}
