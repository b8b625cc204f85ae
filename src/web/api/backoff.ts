/** Waiting times between attempts to reach the app again: doubling, capped, spread so that many pages don't come at once. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** 0 … 1, like Math.random. */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions = { firstMs: 1_000, maxMs: 30_000, random: Math.random }) {
    this.#options = options;
  }

  /** Milliseconds to wait after one more failure: between half and all of the doubled time. */
  nextMs(): number {
    const { firstMs, maxMs, random } = this.#options;
    const full = Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return Math.round(full * (0.5 + random() / 2));
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
