/**
 * Hands out permissions to send, evenly spaced: in no second more than the rate, even after the event loop stood still.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Time as the pacer sees it. */
export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** @throws AbortError */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
};

export class Pacer {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #lastAt = -Infinity;
  #tail: Promise<void> = Promise.resolve();

  constructor(ratePerSecond: number, clock: Clock = SYSTEM_CLOCK) {
    this.#intervalMs = 1000 / ratePerSecond;
    this.#clock = clock;
  }

  /** Resolves when the caller may send one. Callers are served in order. @throws AbortError */
  turn(signal: AbortSignal): Promise<void> {
    const turn = this.#tail.then(() => this.#wait(signal));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (;;) {
      const waitMs = this.#lastAt + this.#intervalMs - this.#clock.now();
      if (waitMs <= 0) break;
      await this.#clock.sleep(Math.ceil(waitMs), signal);
    }
    this.#lastAt = this.#clock.now();
  }
}
