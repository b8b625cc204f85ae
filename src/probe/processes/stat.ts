/**
 * Takes /proc/<pid>/stat apart; see proc_pid_stat(5). The name in parentheses may itself hold spaces and parentheses,
 * so fields are counted from the last `)`.
 */

export interface ProcessStat {
  /** At most 15 bytes; kernel threads and processes without arguments are known by it. */
  readonly comm: string;
  readonly ppid: number;
  /** User and system time of all threads, in ticks of 10 ms (USER_HZ is 100 on every Linux that Node runs on). */
  readonly cpuTicks: number;
  readonly threads: number;
  /** Ticks after boot: with the PID, what tells a process from a later one. */
  readonly startTicks: number;
  readonly rssPages: number;
  /** Bytes; 2^64 when unlimited. */
  readonly rssLimitBytes: number;
  /** Where the arguments lie: another place after every exec. 0 when we may not know. */
  readonly argumentsAt: number;
}

export const TICK_MS = 10;

/** Fields as the manual page numbers them, which starts at 1. */
const FIELD = {
  ppid: 4,
  utime: 14,
  stime: 15,
  threads: 20,
  startTime: 22,
  rss: 24,
  rssLimit: 25,
  argStart: 48,
} as const;
const FIRST_FIELD_AFTER_NAME = 3;

/** Undefined when the text is not of that form. */
export function parseStat(bytes: Buffer): ProcessStat | undefined {
  const text = bytes.toString('latin1');
  const nameStart = text.indexOf('(');
  const nameEnd = text.lastIndexOf(')');
  if (nameStart < 0 || nameEnd < nameStart) return undefined;
  const fields = text.slice(nameEnd + 2).split(' ', FIELD.argStart - FIRST_FIELD_AFTER_NAME + 1);
  const numberAt = (field: number): number => Number(fields[field - FIRST_FIELD_AFTER_NAME] ?? NaN);
  const stat = {
    comm: bytes.toString('utf8', nameStart + 1, nameEnd),
    ppid: numberAt(FIELD.ppid),
    cpuTicks: numberAt(FIELD.utime) + numberAt(FIELD.stime),
    threads: numberAt(FIELD.threads),
    startTicks: numberAt(FIELD.startTime),
    rssPages: numberAt(FIELD.rss),
    rssLimitBytes: numberAt(FIELD.rssLimit),
    // Not there before Linux 3.5.
    argumentsAt: numberAt(FIELD.argStart) || 0,
  };
  const isComplete = !Object.values(stat).some((value) => Number.isNaN(value));
  return isComplete ? stat : undefined;
}
