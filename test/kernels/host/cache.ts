/** What was downloaded or made before, kept below build/kernels: each thing is a folder that is there as a whole, or not at all. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../src/cli/installation.js';

export const CACHE = process.env['TOPOPROBE_KERNEL_CACHE'] ?? join(PROJECT_ROOT, 'build/kernels');

/**
 * A folder of the cache, made by `make` if it is not there yet. It is made under another name and renamed when it is
 * whole: who is interrupted leaves nothing that is taken for it.
 * @param recipe what it is made of; another recipe makes another folder
 */
export async function cached(
  name: string,
  recipe: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 8);
  const folder = join(CACHE, `${name}-${digest}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(`${folder}.new-`);
  try {
    await make(draft);
    await rename(draft, folder).catch((error: unknown) => {
      // Another process may have been faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}
