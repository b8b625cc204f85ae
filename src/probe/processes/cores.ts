/** How many processors the machine has: what 100 % of CPU is. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Those that the kernel counts for in /proc/stat; without it, those that this program may use. Never throws. */
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
