/** Finds the network namespaces of all processes, by the native addon or, without it, by looking one by one. */
import { readdir, stat } from 'node:fs/promises';
import { EbpfUnavailableError, netNamespaces, type NetNamespace } from 'ebpf-bridge';

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
