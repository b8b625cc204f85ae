export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

export interface NetNamespace {
  readonly inode: number;
  /** The lowest PID in it; 0: no process. */
  readonly pid: number;
  /** A file that leads to it. */
  readonly path: string;
}

export interface NamespaceSearch {
  /** Default `/proc`. */
  readonly procRoot?: string;
  /** Namespaces without a process that were found before: their paths are tried again. */
  readonly known?: readonly Pick<NetNamespace, 'inode' | 'path'>[];
  /** Go through the mount table of each mount namespace. Default: true. */
  readonly mountTables?: boolean;
  /** Go through the threads and open files of each process. Default: true. */
  readonly openFiles?: boolean;
  /** Default 16,384. */
  readonly maxNamespaces?: number;
}

export interface FoundNamespaces {
  /** In the order of the lowest PIDs, then those without a process. */
  readonly namespaces: NetNamespace[];
  /** Found, but beyond the bound. */
  readonly leftOut: number;
}

/**
 * The network namespaces that we may read: of processes, mounted below /run/netns and /run/docker/netns, and on request of
 * mount tables, threads and open files.
 * @throws AddonUnavailableError without the addon
 */
export function netNamespaces(search?: NamespaceSearch): Promise<FoundNamespaces>;

/**
 * The text of a file of /proc/net as seen in each of some namespaces; empty where it can't be entered or read.
 * @throws AddonUnavailableError without the addon
 */
export function readInNamespaces(paths: readonly string[], name: string): Promise<string[]>;

export interface FileBatch {
  /** Of all files, one after the other. */
  readonly data: ArrayBuffer;
  /** By file, its number of bytes; -1: it can't be read. */
  readonly lengths: Int32Array;
}

/**
 * The first `maxBytes` (up to 64 KiB) of each of 1 to 4,096 files.
 * @throws AddonUnavailableError without the addon
 */
export function readFiles(paths: readonly string[], maxBytes: number): Promise<FileBatch>;

/**
 * How many entries each of 1 to 4,096 folders has; -1: it can't be listed.
 * @param sizeIsCount the folder's size is their number, so that it need not be listed
 * @throws AddonUnavailableError without the addon
 */
export function countEntries(folders: readonly string[], sizeIsCount: boolean): Promise<Int32Array>;
