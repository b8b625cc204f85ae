/** What can go wrong with reverse look-ups, each with a stable code. */

const ADVICE = {
  BAD_SERVER:
    'name servers as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353, with private= or public= before them, or off',
  BAD_LIMIT: 'choose a limit within its documented range',
  NO_ANSWER: 'the address is asked for again when the failure has expired',
} as const;
export type ReverseDnsErrorCode = keyof typeof ADVICE;

export class ReverseDnsError extends Error {
  readonly code: ReverseDnsErrorCode;

  /** `attempted` reads like "cannot use 'x' as a DNS server". */
  constructor(code: ReverseDnsErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${ADVICE[code]}`, options);
    this.name = 'ReverseDnsError';
    this.code = code;
  }
}
