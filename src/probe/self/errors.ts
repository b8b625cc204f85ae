/** What can go wrong with the probe's own metrics and health server, each with a stable code. */

const ADVICE = {
  LISTEN_IN_USE: 'choose another port with --metrics-listen, or off',
  LISTEN_FAILED: 'choose an address of this machine and a free port with --metrics-listen, or off',
} as const;
export type SelfErrorCode = keyof typeof ADVICE;

export class SelfError extends Error {
  readonly code: SelfErrorCode;

  /** `attempted` reads like "cannot serve metrics on 127.0.0.1:4041: the address is in use". */
  constructor(code: SelfErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${ADVICE[code]}`, options);
    this.name = 'SelfError';
    this.code = code;
  }
}
