/** What can go wrong with reading host facts, each with a stable code. */

const ADVICE = {
  PROC_UNREADABLE: "mount the host's /proc there, or name the right place with --proc-root",
  PROC_MALFORMED: 'name the place of a Linux /proc with --proc-root',
} as const;
export type HostFactsErrorCode = keyof typeof ADVICE;

export class HostFactsError extends Error {
  readonly code: HostFactsErrorCode;

  /** `attempted` reads like "cannot read /proc/uptime (EACCES)". */
  constructor(code: HostFactsErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${ADVICE[code]}`, options);
    this.name = 'HostFactsError';
    this.code = code;
  }
}
