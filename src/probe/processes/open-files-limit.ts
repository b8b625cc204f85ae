/** Finds the soft limit of open files in /proc/<pid>/limits. */

/** RLIM_INFINITY, as metrics write "no limit". */
const UNLIMITED = 2 ** 64;

/** 0 when the text has no such line. */
export function openFilesLimit(bytes: Buffer): number {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(bytes.toString('latin1'))?.[1];
  if (soft === undefined) return 0;
  return soft === 'unlimited' ? UNLIMITED : Number(soft);
}
