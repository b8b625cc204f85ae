/**
 * Lines on stderr for a program that must not stop for its log. Each is written at once, so that none is lost when the
 * program ends. What can't be written (a full disk, a reader that is slow or gone) waits, within a bound, until a later
 * line is written; beyond the bound lines are lost.
 */
import { writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

const STDERR = 2;
const MAX_WAITING_BYTES = 64 * 1024;
/** How long a reader that is slow holds up the program, for each line. */
const PATIENCE_MS = 100;
const PAUSE_MS = 5;

export function stderrLines(): DestinationStream {
  let waiting: Uint8Array = new Uint8Array(0);
  return {
    write(line) {
      waiting = writeWhatGoes(waiting);
      const bytes = Buffer.from(line);
      // A line that was begun has to be ended before another one.
      if (waiting.length === 0) waiting = writeWhatGoes(bytes);
      else if (waiting.length + bytes.length <= MAX_WAITING_BYTES) waiting = Buffer.concat([waiting, bytes]);
    },
  };
}

/** @returns what is left */
function writeWhatGoes(bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  let patienceMs = PATIENCE_MS;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDERR, rest));
    } catch (error) {
      // A pipe that Node has opened does not block: it says that it is full.
      const isFullPipe = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!isFullPipe || patienceMs <= 0) return rest;
      patienceMs -= PAUSE_MS;
      pause();
    }
  }
  return rest;
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, PAUSE_MS);
}
