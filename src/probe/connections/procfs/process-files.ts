/**
 * Processes in /proc: their PIDs, network namespaces, and the sockets among their open files. Synchronous on purpose: it
 * runs in a thread of its own, where a promise per link would cost several times more. A process that ends meanwhile is
 * skipped.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { errnoOf } from '../../errno.js';
import type { Holder } from './record-writer.js';

const SOCKET_LINK = /^socket:\[(\d+)\]$/;
const COMM_BYTES = 15;
/** USER_HZ, the unit of times in /proc: fixed by the kernel's ABI on every architecture that Node supports. */
const NANOS_PER_TICK = 10_000_000n;
/** Index of the field `starttime` in stat, after the name. */
const START_TIME = 19;
/** Ten years have eleven digits of ticks. Longer numbers are no time, and would not fit a record. */
const DECIMAL = /^\d{1,12}$/;

/** The result of reading a process. */
export type Outcome = 'read' | 'denied' | 'vanished';

/** PIDs in ascending order. @throws what readdir throws */
export function listPids(procRoot: string): number[] {
  const pids: number[] = [];
  for (const name of readdirSync(procRoot)) {
    const first = name.charCodeAt(0);
    if (first >= 0x31 && first <= 0x39) pids.push(Number(name));
  }
  return pids.sort((a, b) => a - b);
}

/** Inode of the process's network namespace, or why it can't be read. */
export function netnsOf(procRoot: string, pid: number): number | 'denied' | 'vanished' {
  try {
    return statSync(`${procRoot}/${pid}/ns/net`).ino;
  } catch (error) {
    return whyNot(error);
  }
}

/**
 * Calls `onSocket` with the inode of every socket the process has open.
 * @param maxFds stops after so many descriptors
 * @returns the number of descriptors read, and the result
 */
export function forEachSocket(
  procRoot: string,
  pid: number,
  maxFds: number,
  onSocket: (inode: number) => void,
): { fds: number; outcome: Outcome } {
  const directory = `${procRoot}/${pid}/fd`;
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    return { fds: 0, outcome: whyNot(error) };
  }
  let fds = 0;
  for (const name of names) {
    if (fds++ >= maxFds) break;
    let target: string;
    try {
      target = readlinkSync(`${directory}/${name}`);
    } catch {
      continue; // closed meanwhile
    }
    const inode = SOCKET_LINK.exec(target)?.[1];
    if (inode !== undefined) onSocket(Number(inode));
  }
  return { fds, outcome: 'read' };
}

/** Name and start of a process; without both if it has vanished. */
export function describeHolder(procRoot: string, pid: number): Holder {
  let stat: Buffer;
  try {
    stat = readFileSync(`${procRoot}/${pid}/stat`);
  } catch {
    stat = Buffer.alloc(0);
  }
  return parseHolder(pid, stat);
}

/** @param stat /proc/<pid>/stat: `pid (comm) state …`; the name may itself hold spaces and parentheses */
export function parseHolder(pid: number, stat: Buffer): Holder {
  const open = stat.indexOf(0x28);
  const close = stat.lastIndexOf(0x29);
  if (open < 0 || close < open) return { pid, startNanos: 0n, comm: new Uint8Array(0) };
  const startTicks = stat.toString('latin1', close + 2).split(' ', START_TIME + 1)[START_TIME] ?? '';
  return {
    pid,
    startNanos: DECIMAL.test(startTicks) ? BigInt(startTicks) * NANOS_PER_TICK : 0n,
    comm: Uint8Array.from(stat.subarray(open + 1, Math.min(close, open + 1 + COMM_BYTES))),
  };
}

function whyNot(error: unknown): 'denied' | 'vanished' {
  const errno = errnoOf(error);
  return errno === 'EACCES' || errno === 'EPERM' ? 'denied' : 'vanished';
}
