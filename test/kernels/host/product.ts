/** The built product, with the programs that make connections for it, as it lies in a virtual machine: below /topoprobe. */
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../src/cli/installation.js';
import { packInitramfs } from './initramfs.js';
import type { BuiltFor } from './cross-build.js';

/** What was compiled for no processor in particular. */
const PORTABLE = [
  'bin',
  'package.json',
  'build/src',
  'build/test',
  'native/lib',
  'native/package.json',
] as const;
const ADDON = ['ebpf_bridge.node', 'libbpf.so.1', 'libelf.so.1', 'libz.so.1'] as const;
const PROGRAMS = ['scenarios', 'churn'] as const;
const INIT = join(PROJECT_ROOT, 'test/kernels/guest/init.sh');

/** Packs it, as a part of an initramfs. */
export async function packProduct({ addon, programs }: BuiltFor, file: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'topoprobe-product-'));
  try {
    const to = join(root, 'topoprobe');
    const copy = (from: string, path: string): Promise<void> =>
      cp(from, join(to, path), { recursive: true, verbatimSymlinks: true });
    for (const path of [...PORTABLE, ...(await productionModules())])
      await copy(join(PROJECT_ROOT, path), path);
    for (const name of ADDON) await copy(join(addon, name), `native/build/${name}`);
    for (const name of PROGRAMS) await copy(join(programs, name), `build/${name}`);
    await cp(INIT, join(root, 'init'));
    await chmod(join(root, 'init'), 0o755);
    await mkdir(join(root, 'dev'), { recursive: true });
    await packInitramfs(root, file);
  } finally {
    await rm(root, { recursive: true });
  }
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** Paths of the packages that the product needs when it runs. */
async function productionModules(): Promise<string[]> {
  const text = await readFile(join(PROJECT_ROOT, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as LockFile;
  return Object.entries(packages).flatMap(([path, { dev, optional }]) =>
    /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true && optional !== true ? [path] : [],
  );
}
