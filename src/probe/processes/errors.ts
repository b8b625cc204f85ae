/**
 * What can go wrong with reading process facts, each with a stable code.
 */

const ADVICE = {
  PROC_UNREADABLE: "mount the host's /proc there, or name the right place with --proc-root",
  WALK_FAILED: 'the next report starts the reading of processes anew',
} as const;
export type ProcessFactsErrorCode = keyof typeof ADVICE;

export class ProcessFactsError extends Error {
  readonly code: ProcessFactsErrorCode;

  /** @param attempted reads like "cannot list processes: permission denied"; the message adds what to do */
  constructor(code: ProcessFactsErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${ADVICE[code]}`, options);
    this.name = 'ProcessFactsError';
    this.code = code;
  }
}
