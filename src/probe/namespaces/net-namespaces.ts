/**
 * The network namespaces of this machine. Those of processes are found by looking at every process; those that are kept
 * without one by what keeps them: a mount (`ip netns add`, Docker), a thread or an open file. The native addon looks;
 * without it only processes are looked at, one by one. Who goes through the namespaces in one tick shares one listing.
 */
import { readdir, stat } from 'node:fs/promises';
import { descriptorShortage } from '../descriptors.js';
import {
  AddonUnavailableError,
  netNamespaces,
  type NamespaceSearch,
  type NetNamespace,
} from 'ebpf-bridge/procfs';

/** @throws what finding them throws */
export type ListNamespaces = () => Promise<readonly NetNamespace[]>;

/** A look at all mount tables may take this share of the time … */
const MOUNT_TABLES_SHARE = 1 / 400;
/** … and one at all open files, of which there are more, this. */
const OPEN_FILES_SHARE = 1 / 800;

interface Found {
  readonly namespaces: readonly NetNamespace[];
  readonly leftOut: number;
}

/** One listing for several readers: the first of a tick renews it, the others take what it found. */
export class NamespaceListing {
  #last: Promise<readonly NetNamespace[]> | undefined;
  #failure: unknown;
  #found: Found = { namespaces: [], leftOut: 0 };
  /** When the next look is due, by `performance.now()`. */
  #mountTablesAt = 0;
  #openFilesAt = 0;

  constructor(private readonly procRoot: string) {}

  /** @throws what reading `procRoot` throws */
  renew(): Promise<readonly NetNamespace[]> {
    this.#last = this.#renew();
    return this.#last;
  }

  /** As of the last renewal. @throws what that one threw */
  last(): Promise<readonly NetNamespace[]> {
    return this.#last ?? this.renew();
  }

  /** As of the last renewal. */
  counters(): Readonly<Record<string, number>> {
    const { namespaces, leftOut } = this.#found;
    return {
      networkNamespaces: namespaces.length,
      networkNamespacesWithoutProcess: withoutProcess(namespaces).length,
      networkNamespacesLeftOut: leftOut,
    };
  }

  /** What is wrong with the listing, in one line; undefined when nothing is. */
  get shortfall(): string | undefined {
    const { leftOut, namespaces } = this.#found;
    if (this.#failure !== undefined) {
      const reason = descriptorShortage(this.#failure) ?? reasonOf(this.#failure);
      return `network namespaces are as they were: they could not be looked for: ${reason}`;
    }
    return leftOut === 0
      ? undefined
      : `${leftOut} network namespaces are beyond the ${namespaces.length} that are gone through`;
  }

  async #renew(): Promise<readonly NetNamespace[]> {
    const startedAt = performance.now();
    const mountTables = startedAt >= this.#mountTablesAt;
    const openFiles = startedAt >= this.#openFilesAt;
    const known = withoutProcess(this.#found.namespaces);
    try {
      this.#found = await search({ procRoot: this.procRoot, known, mountTables, openFiles });
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    const endedAt = performance.now();
    const tookMs = endedAt - startedAt;
    if (mountTables) this.#mountTablesAt = endedAt + tookMs / MOUNT_TABLES_SHARE;
    if (openFiles) this.#openFilesAt = endedAt + tookMs / OPEN_FILES_SHARE;
    return this.#found.namespaces;
  }
}

/** One look at all that may keep one. @throws what reading `procRoot` throws */
export async function findNamespaces(procRoot: string): Promise<readonly NetNamespace[]> {
  return (await search({ procRoot })).namespaces;
}

export function withoutProcess(namespaces: readonly NetNamespace[]): readonly NetNamespace[] {
  return namespaces.filter(({ pid }) => pid === 0);
}

async function search(how: NamespaceSearch & { readonly procRoot: string }): Promise<Found> {
  try {
    return await netNamespaces(how);
  } catch (error) {
    if (!(error instanceof AddonUnavailableError)) throw error;
    return { namespaces: await findOneByOne(how.procRoot), leftOut: 0 };
  }
}

async function findOneByOne(procRoot: string): Promise<readonly NetNamespace[]> {
  const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = new Map<number, NetNamespace>();
  for (const pid of pids.sort((a, b) => a - b)) {
    const path = `${procRoot}/${pid}/ns/net`;
    const inode = await stat(path).then(
      ({ ino }) => ino,
      () => undefined, // it ended, or we may not look
    );
    if (inode !== undefined && !found.has(inode)) found.set(inode, { inode, pid, path });
  }
  return [...found.values()];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
