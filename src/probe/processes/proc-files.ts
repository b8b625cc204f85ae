/**
 * Reads many small files of /proc at once, off the event loop: by the native addon, which takes one turn of the thread
 * pool for all, or without it one by one.
 */
import { statSync } from 'node:fs';
import { open, readdir, readlink, stat } from 'node:fs/promises';
import { AddonUnavailableError, countEntries, readFiles } from 'ebpf-bridge/procfs';

/** Larger files are cut off here: argument lists can be megabytes. */
const FILE_BYTES_MAX = 4096;

export interface ProcFiles {
  /** The first bytes of each; undefined when it can't be read: the process has exited, or is not ours to read. */
  read(paths: readonly string[]): Promise<readonly (Buffer | undefined)[]>;
  /** Where each link leads; undefined when it can't be read. */
  links(paths: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** How many descriptors each folder has; undefined when we may not know. */
  countDescriptors(folders: readonly string[]): Promise<readonly (number | undefined)[]>;
}

export function procFiles(procRoot: string): ProcFiles {
  const sizeIsCount = sizesAreCounts(procRoot);
  return {
    async read(paths) {
      if (paths.length === 0) return [];
      try {
        return await readBatch(paths);
      } catch (error) {
        if (!(error instanceof AddonUnavailableError)) throw error;
        return oneByOne(paths, readOne);
      }
    },
    links: (paths) => Promise.all(paths.map((path) => readlink(path).catch(() => undefined))),
    async countDescriptors(folders) {
      if (folders.length === 0) return [];
      try {
        const counts = await countEntries(folders, sizeIsCount);
        return Array.from(counts, (count) => (count < 0 ? undefined : count));
      } catch (error) {
        if (!(error instanceof AddonUnavailableError)) throw error;
        return oneByOne(folders, async (folder) =>
          sizeIsCount ? (await stat(folder)).size : (await readdir(folder)).length,
        );
      }
    },
  };
}

/** Since Linux 6.2 the size of a process's folder of open files is their number; before, it is 0. */
function sizesAreCounts(procRoot: string): boolean {
  try {
    return statSync(`${procRoot}/self/fd`).size > 0;
  } catch {
    return false;
  }
}

async function readBatch(paths: readonly string[]): Promise<(Buffer | undefined)[]> {
  const { data, lengths } = await readFiles(paths, FILE_BYTES_MAX);
  let at = 0;
  return Array.from(lengths, (length) => {
    if (length < 0) return undefined;
    const file = Buffer.from(data, at, length);
    at += length;
    return file;
  });
}

async function readOne(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(FILE_BYTES_MAX);
    let length = 0;
    // /proc hands out a file in pieces of a page or less.
    while (length < FILE_BYTES_MAX) {
      const { bytesRead } = await file.read(buffer, length, FILE_BYTES_MAX - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return Buffer.from(buffer.subarray(0, length));
  } finally {
    await file.close();
  }
}

async function oneByOne<Found>(
  paths: readonly string[],
  find: (path: string) => Promise<Found>,
): Promise<(Found | undefined)[]> {
  const found: (Found | undefined)[] = [];
  for (const path of paths) found.push(await find(path).catch(() => undefined));
  return found;
}
