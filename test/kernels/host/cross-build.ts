/** The compiled parts of the product, for each processor: those of this machine's are there already, others are compiled. */
import { mkdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../src/cli/installation.js';
import { cached, CACHE } from './cache.js';
import type { DebianPackages } from './debian-packages.js';
import type { Architecture } from './kernels.js';
import { runCommand } from './run-command.js';

export interface BuiltFor {
  /** Folder of the addon and its libraries. */
  readonly addon: string;
  /** Folder of the programs that make connections. */
  readonly programs: string;
}

/** Libraries of the addon, and the headers of the kernel's interface. */
const PACKAGES = ['libbpf-dev', 'libelf-dev', 'linux-libc-dev'] as const;
const PROGRAMS = ['bench/churn/churn.c', 'test/scenarios/scenarios.c'] as const;
const COMPILERS: Readonly<Record<Architecture, string>> = {
  amd64: 'x86_64-linux-gnu-gcc',
  arm64: 'aarch64-linux-gnu-gcc',
};

const isOwn = (architecture: Architecture): boolean =>
  arch() === (architecture === 'amd64' ? 'x64' : 'arm64');

/** @throws Error that says what could not be compiled and why */
export async function builtFor(packages: DebianPackages): Promise<BuiltFor> {
  const { architecture } = packages;
  const native = join(PROJECT_ROOT, 'native/build');
  if (isOwn(architecture)) return { addon: native, programs: join(PROJECT_ROOT, 'build') };
  const libraries = await cached(`libraries-${architecture}`, PACKAGES, (draft) =>
    packages.unpackWithDependencies(PACKAGES, draft),
  );
  const settings = [`ARCH=${architecture}`, `CROSS_ROOT=${libraries}`];
  const make = ['make', '--silent', '-C', join(PROJECT_ROOT, 'native'), ...settings] as const;
  await runCommand(`compile the addon for ${architecture}`, make);
  const programs = join(CACHE, `programs-${architecture}`);
  await mkdir(programs, { recursive: true });
  for (const source of PROGRAMS) {
    const name = /([^/]+)\.c$/.exec(source)?.[1] ?? '';
    const [from, to] = [join(PROJECT_ROOT, source), join(programs, name)];
    const compile = [COMPILERS[architecture], '-O2', '-pthread', from, '-o', to] as const;
    await runCommand(`compile ${source} for ${architecture}`, compile);
  }
  return { addon: join(native, architecture), programs };
}
