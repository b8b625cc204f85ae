/**
 * Hands out permissions to send, evenly spaced: in no second more than the rate, even after the event loop stood still.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export class Pacer {
  readonly #intervalMs: number;
  #lastAt = -Infinity;
  #tail: Promise<void> = Promise.resolve();

  constructor(ratePerSecond: number) {
    this.#intervalMs = 1000 / ratePerSecond;
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
      const waitMs = this.#lastAt + this.#intervalMs - performance.now();
      if (waitMs <= 0) break;
      await sleep(Math.ceil(waitMs), undefined, { signal, ref: false });
    }
    this.#lastAt = performance.now();
  }
}
