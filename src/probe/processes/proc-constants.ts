/** What does not change while the probe runs, from /proc. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { TICK_MS } from './stat.js';

const AT_PAGESZ = 6n;
const WORD_BYTES = 8;
const USUAL_PAGE_BYTES = 4096;

/** Bytes of a memory page, from the auxiliary vector the kernel gave this process: Node has no sysconf(3). */
export function pageBytes(): number {
  let auxv: Buffer;
  try {
    auxv = readFileSync('/proc/self/auxv');
  } catch {
    return USUAL_PAGE_BYTES;
  }
  for (let at = 0; at + 2 * WORD_BYTES <= auxv.length; at += 2 * WORD_BYTES) {
    if (auxv.readBigUInt64LE(at) === AT_PAGESZ) return Number(auxv.readBigUInt64LE(at + WORD_BYTES));
  }
  return USUAL_PAGE_BYTES;
}

/**
 * What a time namespace adds to the start of each process in /proc (time_namespaces(7)); BPF programs report starts
 * without it. Clock ticks; 0 outside of time namespaces, and where the kernel has none.
 */
export function bootOffsetTicks(): number {
  let text: string;
  try {
    text = readFileSync('/proc/self/timens_offsets', 'utf8');
  } catch {
    return 0; // before Linux 5.6
  }
  const [, seconds, nanos] = /^boottime\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  if (seconds === undefined || nanos === undefined) return 0;
  return Math.round((Number(seconds) * 1000 + Number(nanos) / 1e6) / TICK_MS);
}

/** Processors that /proc/stat counts for; without that file, those that this program may use. Never throws. */
export function countCores(procRoot: string): number {
  // Node's os.cpus() reads the same, but Node 26 aborts where the file is empty.
  try {
    return (
      readFileSync(join(procRoot, 'stat'), 'latin1').match(/^cpu\d+ /gm)?.length ?? availableParallelism()
    );
  } catch {
    return availableParallelism();
  }
}
