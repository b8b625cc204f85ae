/**
 * The network namespaces of all processes, found by the native addon or, without it, by looking one by one. Finding them
 * looks at every process, so those who go through them in one tick share one listing.
 */
import { readdir, stat } from 'node:fs/promises';
import { EbpfUnavailableError, netNamespaces, type NetNamespace } from 'ebpf-bridge';

/** @throws what finding them throws */
export type ListNamespaces = () => Promise<readonly NetNamespace[]>;

/** One listing for several readers: the first of a tick renews it, the others take what it found. */
export class NamespaceListing {
  #last: Promise<readonly NetNamespace[]> | undefined;

  constructor(private readonly procRoot: string) {}

  /** @throws what reading `procRoot` throws */
  renew(): Promise<readonly NetNamespace[]> {
    this.#last = findNamespaces(this.procRoot);
    return this.#last;
  }

  /** As of the last renewal. @throws what that one threw */
  last(): Promise<readonly NetNamespace[]> {
    return this.#last ?? this.renew();
  }
}

/** @throws what reading `procRoot` throws */
export async function findNamespaces(procRoot: string): Promise<readonly NetNamespace[]> {
  try {
    return await netNamespaces(procRoot);
  } catch (error) {
    if (error instanceof EbpfUnavailableError) return findOneByOne(procRoot);
    throw error;
  }
}

async function findOneByOne(procRoot: string): Promise<readonly NetNamespace[]> {
  const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = new Map<number, NetNamespace>();
  for (const pid of pids.sort((a, b) => a - b)) {
    const inode = await stat(`${procRoot}/${pid}/ns/net`).then(
      ({ ino }) => ino,
      () => undefined, // it ended, or we may not look
    );
    if (inode !== undefined && !found.has(inode)) found.set(inode, { inode, pid });
  }
  return [...found.values()];
}
