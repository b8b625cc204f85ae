/**
 * Real servers and load generators of Debian: those that `scripts/unpack-programs.sh` unpacked, with the libraries beside them,
 * else the machine's own.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const UNPACKED = fileURLToPath(new URL('../../../programs', import.meta.url));
const FOLDERS = ['usr/sbin', 'usr/bin'] as const;
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((machine) => [
  join(UNPACKED, 'usr/lib', machine),
  join(UNPACKED, 'lib', machine),
]);

/** File of a program; undefined where it is neither unpacked nor installed. */
export function debianProgram(name: string): string | undefined {
  return [UNPACKED, '/']
    .flatMap((root) => FOLDERS.map((folder) => join(root, folder, name)))
    .find(existsSync);
}

/** A test's `skip` where one of the programs is missing; false where all are there. */
export function needsPrograms(...names: readonly string[]): string | false {
  const missing = names.filter((name) => debianProgram(name) === undefined);
  return missing.length === 0 ? false : `needs ${missing.join(', ')}: make build/programs/.unpacked`;
}

/** A command line that runs the program, for use behind others that enter namespaces. */
export function debianCommand(name: string, ...args: readonly string[]): readonly string[] {
  const file = debianProgram(name);
  if (file === undefined) throw new Error(`cannot run ${name}: ${String(needsPrograms(name))}`);
  const libraries = LIBRARIES.filter(existsSync).join(delimiter);
  return ['env', ...(libraries === '' ? [] : [`LD_LIBRARY_PATH=${libraries}`]), file, ...args];
}
