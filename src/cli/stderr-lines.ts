/**
 * Lines on stderr for a program that must not stop for its log. Each is written at once, so that none is lost when the
 * program ends. What can't be written (a full disk, a reader that is slow or gone) waits, within a bound, until a later
 * line is written; beyond the bound lines are lost, counted, and reported as soon as something can be written.
 */
import { writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';
import { reasonOf } from './errors.js';

const STDERR = 2;
const MAX_WAITING_BYTES = 64 * 1024;
/** How long a reader that is slow holds up the program, until it has read something again. */
const PATIENCE_MS = 100;
const PAUSE_MS = 5;

export class StderrLines implements DestinationStream {
  #waiting: Uint8Array = new Uint8Array(0);
  #lost = 0;
  /** Of them those that a line reported. */
  #lostReported = 0;
  #patienceMs = PATIENCE_MS;
  /** Why the last write failed; undefined when it did not. */
  #reason: string | undefined;

  #lostText = (lost: number): string => `${lost} lines of the log were lost\n`;

  /** Lines that will never be written. */
  get lost(): number {
    return this.#lost;
  }

  /** One line while the log can't be written. */
  troubles(): readonly string[] {
    if (this.#reason === undefined) return [];
    return [
      `the log can't be written (${this.#reason}), and ${this.#lost} lines of it were lost: make room there, or send it elsewhere`,
    ];
  }

  /** @param lostText the line that reports how many were lost, in the log's own form */
  tellLossAs(lostText: (lost: number) => string): void {
    this.#lostText = lostText;
  }

  write(line: string): void {
    this.#flush();
    // A line that was begun has to be ended before another one.
    if (this.#waiting.length === 0) {
      const unreported = this.#lost - this.#lostReported;
      this.#lostReported = this.#lost;
      this.#waiting = Buffer.from(unreported > 0 ? this.#lostText(unreported) + line : line);
      this.#flush();
      return;
    }
    const bytes = Buffer.from(line);
    if (this.#waiting.length + bytes.length > MAX_WAITING_BYTES) this.#lost++;
    else this.#waiting = Buffer.concat([this.#waiting, bytes]);
  }

  /** Writes of what waits as much as goes. */
  #flush(): void {
    while (this.#waiting.length > 0) {
      try {
        this.#waiting = this.#waiting.subarray(writeSync(STDERR, this.#waiting));
        this.#patienceMs = PATIENCE_MS;
        this.#reason = undefined;
      } catch (error) {
        // A pipe that Node has opened does not block: it says that it is full.
        const isFullPipe = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
        if (!isFullPipe || this.#patienceMs <= 0) {
          this.#reason = isFullPipe ? 'its reader does not read' : reasonOf(error);
          return;
        }
        this.#patienceMs -= PAUSE_MS;
        pause();
      }
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, PAUSE_MS);
}
