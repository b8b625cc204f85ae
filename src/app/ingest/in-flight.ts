/**
 * Bytes of reports that wait to be taken in, under a bound: more are refused at once instead of piling up.
 */
import { AppError } from '../errors.js';

const RETRY_AFTER_SECONDS = 3;

export class InFlight {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Runs `work` while `bytes` count. One body is always let in. @throws AppError ENGINE_BUSY */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
      throw new AppError('ENGINE_BUSY', 'refused a report: too many others are being taken in', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#bytes -= bytes;
    }
  }
}
