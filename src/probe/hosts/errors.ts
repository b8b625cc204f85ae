/** What can go wrong with reading host facts, each with a stable code. */
import { descriptorShortage } from '../descriptors.js';

const ADVICE = {
  PROC_UNREADABLE: "mount the host's /proc there, or name the right place with --proc-root",
  INTERFACES_UNREADABLE: 'allow sockets of AF_NETLINK (systemd: RestrictAddressFamilies)',
  PROC_MALFORMED: 'name the place of a Linux /proc with --proc-root',
} as const;
export type HostFactsErrorCode = keyof typeof ADVICE;

export class HostFactsError extends Error {
  readonly code: HostFactsErrorCode;
  readonly attempted: string;
  /** What to do. */
  readonly advice: string;

  /** `attempted` reads like "cannot read /proc/uptime (EACCES)". */
  constructor(code: HostFactsErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    const advice = descriptorShortage(options.cause) ?? ADVICE[code];
    super(`${attempted}; ${advice}`, options);
    this.name = 'HostFactsError';
    this.code = code;
    this.attempted = attempted;
    this.advice = advice;
  }
}

/** Several in one line: what was attempted each time, and each advice once; the same for the same ones in any order. */
export function describeLacks(unsorted: readonly HostFactsError[]): string {
  const lacks = unsorted.toSorted((a, b) => (a.attempted < b.attempted ? -1 : 1));
  const attempts = lacks.map(({ attempted }) => attempted).join(', ');
  const advice = new Set(lacks.map(({ advice }) => advice));
  return [attempts, ...advice].join('; ');
}
