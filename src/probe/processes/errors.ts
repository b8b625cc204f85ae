/**
 * What can go wrong with reading process facts, each with a stable code.
 */
import { descriptorShortage } from '../descriptors.js';

const ADVICE = {
  PROC_UNREADABLE: "mount the host's /proc there, or name the right place with --proc-root",
  WALK_FAILED: 'the next report starts the reading of processes anew',
} as const;
export type ProcessFactsErrorCode = keyof typeof ADVICE;

export class ProcessFactsError extends Error {
  readonly code: ProcessFactsErrorCode;

  /** @param attempted reads like "cannot list processes: permission denied"; the message adds what to do, and is about descriptors where these are what is short */
  constructor(code: ProcessFactsErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    const shortage = descriptorShortage(options.cause);
    super(
      shortage === undefined
        ? `${attempted}; ${ADVICE[code]}`
        : `${attempted.replace(/: .*/s, '')}: ${shortage}`,
      options,
    );
    this.name = 'ProcessFactsError';
    this.code = code;
  }
}
