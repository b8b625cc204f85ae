/** CPU time and memory of another process, from /proc. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** _SC_CLK_TCK is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const UTIME_FIELD = 11;
const STIME_FIELD = 12;

/** User plus system seconds since it started. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME_FIELD]) + Number(fields[STIME_FIELD])) / TICKS_PER_SECOND;
}

/** Resident memory that belongs to no file now, MiB: pages of programs and libraries are left out, as others share them. */
export function anonymousMib(pid: number): number {
  return statusMib(pid, 'RssAnon');
}

/** All resident memory, MiB. */
export function residentMib(pid: number): number {
  return statusMib(pid, 'VmRSS');
}

function statusMib(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? NaN) / 1024;
}

/** Share of a core that each of these uses in the next so many seconds; 1 is a whole one. */
export async function coreShares(pids: readonly number[], seconds: number): Promise<number[]> {
  const from = { at: performance.now(), cpu: pids.map(cpuSeconds) };
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - from.at) / 1000;
  return pids.map((pid, i) => (cpuSeconds(pid) - (from.cpu[i] ?? NaN)) / elapsed);
}
