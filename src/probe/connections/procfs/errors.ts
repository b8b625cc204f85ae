/** What can go wrong with /proc as a source: a stable code, what was attempted, what to do. */
import { descriptorShortage } from '../../descriptors.js';

export type ProcfsErrorCode =
  /** There is no readable proc file system at the given root. */
  | 'PROC_UNREADABLE'
  /** A scan ended without a result. */
  | 'SCAN_FAILED'
  /** A snapshot was asked for after close(). */
  | 'CLOSED';

export class ProcfsError extends Error {
  override readonly name = 'ProcfsError';

  constructor(
    readonly code: ProcfsErrorCode,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    const shortage = descriptorShortage(options.cause);
    super(shortage === undefined ? message : `${message.replace(/ \(.*/s, '')}: ${shortage}`, options);
  }
}

/** errno name of a failed system call (`ENOENT`, `EACCES`), empty for anything else that was thrown. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
