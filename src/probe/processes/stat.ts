/**
 * Takes /proc/<pid>/stat apart; see proc_pid_stat(5). The name in parentheses may itself hold spaces and parentheses,
 * so fields are counted from the last `)`.
 */

export interface ProcessStat {
  /** At most 15 bytes; kernel threads and processes without arguments are known by it. */
  readonly comm: string;
  readonly ppid: number;
  readonly isKernelThread: boolean;
  /** User and system time of all threads, in ticks of 10 ms (USER_HZ is 100 on every Linux that Node runs on). */
  readonly cpuTicks: number;
  readonly threads: number;
  /** Ticks after boot: with the PID, the identity of a process. */
  readonly startTicks: number;
  readonly rssPages: number;
  /** Bytes; 2^64 when unlimited. */
  readonly rssLimitBytes: number;
  /** Where the arguments lie: another place after every exec. 0 when we may not know. */
  readonly argumentsAt: number;
  /** Where the stack begins: the same after a fork, another place after an exec. 0 when we may not know. */
  readonly stackAt: number;
}

export const TICK_MS = 10;

/** Fields as the manual page numbers them, which starts at 1. */
const FIELD = {
  ppid: 4,
  flags: 9,
  utime: 14,
  stime: 15,
  threads: 20,
  startTime: 22,
  rss: 24,
  rssLimit: 25,
  startStack: 28,
  argStart: 48,
} as const;
/** PF_KTHREAD among the flags (include/linux/sched.h). */
const KERNEL_THREAD = 0x200000;
const FIRST_FIELD_AFTER_NAME = 3;
const SPACE = 0x20;
const ZERO = 0x30;
const CLOSING_PARENTHESIS = 0x29;
/** Of more digits, the sum of digits is not the nearest number. */
const EXACT_DIGITS = 15;

/** Of the text being read, by field; NaN where there is no number. Reused: each scan reads one for each process. */
const numbers = new Float64Array(FIELD.argStart + 1);

/** Undefined when the text is not of that form. */
export function parseStat(bytes: Buffer): ProcessStat | undefined {
  const nameStart = bytes.indexOf('(');
  const nameEnd = bytes.lastIndexOf(CLOSING_PARENTHESIS);
  if (nameStart < 0 || nameEnd < nameStart) return undefined;
  readNumbers(bytes, nameEnd + 2);
  const numberAt = (field: number): number => numbers[field] ?? NaN;
  const stat = {
    comm: bytes.toString('utf8', nameStart + 1, nameEnd),
    ppid: numberAt(FIELD.ppid),
    isKernelThread: (numberAt(FIELD.flags) & KERNEL_THREAD) !== 0,
    cpuTicks: numberAt(FIELD.utime) + numberAt(FIELD.stime),
    threads: numberAt(FIELD.threads),
    startTicks: numberAt(FIELD.startTime),
    rssPages: numberAt(FIELD.rss),
    rssLimitBytes: numberAt(FIELD.rssLimit),
    // Not there before Linux 3.5.
    argumentsAt: numberAt(FIELD.argStart) || 0,
    stackAt: numberAt(FIELD.startStack) || 0,
  };
  const sum = stat.ppid + stat.cpuTicks + stat.threads + stat.startTicks + stat.rssPages + stat.rssLimitBytes;
  return Number.isNaN(sum) ? undefined : stat;
}

function readNumbers(bytes: Buffer, from: number): void {
  numbers.fill(NaN);
  let start = from;
  for (let field = FIRST_FIELD_AFTER_NAME; field < numbers.length && start < bytes.length; field++) {
    let end = start;
    let sum = 0;
    for (; end < bytes.length && bytes[end] !== SPACE; end++) {
      const digit = (bytes[end] ?? 0) - ZERO;
      sum = digit >= 0 && digit <= 9 ? sum * 10 + digit : NaN;
    }
    if (end > start) {
      numbers[field] = end - start > EXACT_DIGITS ? Number(bytes.toString('latin1', start, end)) : sum;
    }
    start = end + 1;
  }
}
