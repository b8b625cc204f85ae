/**
 * How many files this process may have open, and what is left of that. Node raises the soft limit to the hard one when it
 * starts. Each network namespace whose connection tracking is watched takes a descriptor for as long as that lasts; what
 * else the probe opens is little, and comes and goes. So the former have what the latter leave, less a reserve.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of the limit, kept free for what is opened for a moment: files of /proc, questions to DNS, HTTP. */
const RESERVED_SHARE = 1 / 4;
const RESERVED_LEAST = 16;
const RESERVED_MOST = 64;
/** Where that leaves next to nothing, so many are held all the same, in turns, while half of the least reserve is free. */
const HELD_LEAST = 2;

const SHORTAGES = new Set<unknown>(['EMFILE', 'ENFILE', 24, 23]);
export const DESCRIPTORS_ADVICE = 'raise it (ulimit -n, or LimitNOFILE= of the systemd unit)';

export interface Descriptors {
  /** The soft limit; Infinity where there is none. */
  readonly limit: number;
  /** Open now. */
  readonly open: number;
}

/** Undefined where /proc does not have it. */
export function descriptors(): Descriptors | undefined {
  try {
    const limit = openFilesLimit(readFileSync('/proc/self/limits', 'latin1'));
    if (limit === undefined) return undefined;
    // The folder itself is open while it is read.
    const open = readdirSync('/proc/self/fd').length - 1;
    return { limit, open };
  } catch {
    return undefined;
  }
}

/**
 * The soft limit in the text of /proc/<pid>/limits.
 * @returns Infinity where there is none; undefined where the text has no such line
 */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Infinity : Number(soft);
}

/** How many descriptors may be held for long, of which `held` are. Never negative. */
export function roomFor(held: number, { limit, open }: Descriptors): number {
  const reserved = Math.min(RESERVED_MOST, Math.max(RESERVED_LEAST, Math.floor(limit * RESERVED_SHARE)));
  const left = limit - (open - held);
  return Math.max(0, left - reserved, Math.min(HELD_LEAST, left - RESERVED_LEAST / 2));
}

/** The advice for an error that comes of having no descriptor left; undefined for others. */
export function descriptorShortage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  const errno = 'errno' in error && typeof error.errno === 'number' ? Math.abs(error.errno) : undefined;
  if (!SHORTAGES.has(code) && !SHORTAGES.has(errno))
    return error.cause === undefined ? undefined : descriptorShortage(error.cause);
  if (code === 'ENFILE' || errno === 23)
    return 'all files that this machine may have open are open: raise fs.file-max';
  const limit = descriptors()?.limit;
  return `all files that this process may have open${limit === undefined ? '' : ` (${limit})`} are open: ${DESCRIPTORS_ADVICE}`;
}
