/**
 * Reads small files of /proc into one reused buffer. Synchronous on purpose: /proc never waits for a disk, a
 * synchronous read costs a tenth of an asynchronous one, and the caller is a worker thread.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Larger files are cut off here: argument lists can be megabytes. */
export const PROC_FILE_BYTES_MAX = 4096;

const buffer = Buffer.allocUnsafe(PROC_FILE_BYTES_MAX);

/**
 * The first PROC_FILE_BYTES_MAX bytes of a file; valid until the next call. Undefined when it can't be read: the
 * process has exited, or is not ours to read.
 */
export function readProcFile(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return buffer.subarray(0, readFully(fd));
  } catch {
    return undefined; // ESRCH: it exited between open and read
  } finally {
    closeSync(fd);
  }
}

/** /proc hands out a file in pieces of a page or less. */
function readFully(fd: number): number {
  let length = 0;
  while (length < PROC_FILE_BYTES_MAX) {
    const read = readSync(fd, buffer, length, PROC_FILE_BYTES_MAX - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}
