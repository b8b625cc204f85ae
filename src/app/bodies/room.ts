/**
 * Memory for bodies from the first byte that arrives until they are taken in, under one bound. Whoever finds
 * no room is refused at once, instead of piling up.
 */
import { AppError } from '../errors.js';

const RETRY_AFTER_SECONDS = 3;

export class Room {
  readonly #maxBytes: number;
  readonly #refusal: string;
  #takenBytes = 0;

  /** @param refusal what somebody is told who finds no room */
  constructor(maxBytes: number, refusal: string) {
    this.#maxBytes = maxBytes;
    this.#refusal = refusal;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** For one report; it holds nothing yet. */
  open(): Place {
    let ownBytes = 0;
    return {
      take: (bytes) => {
        const isAlone = this.#takenBytes === ownBytes;
        if (!isAlone && this.#takenBytes + bytes > this.#maxBytes) {
          throw new AppError('ENGINE_BUSY', this.#refusal, { retryAfterSeconds: RETRY_AFTER_SECONDS });
        }
        ownBytes += bytes;
        this.#takenBytes += bytes;
      },
      give: (bytes) => {
        ownBytes -= bytes;
        this.#takenBytes -= bytes;
      },
      close: () => {
        this.#takenBytes -= ownBytes;
        ownBytes = 0;
      },
    };
  }
}

/** What one report holds of the room. */
export interface Place {
  /**
   * Takes room before the memory is used. A report that is alone gets it always: it is bounded by itself, and would
   * never get in otherwise. @throws AppError ENGINE_BUSY
   */
  take(bytes: number): void;
  give(bytes: number): void;
  /** Gives everything back; idempotent. */
  close(): void;
}
