/** Boots one kernel with the built product inside, and tells what was seen there. */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKS } from '../checks/index.js';
import type { Rung } from '../rungs.js';
import { readSight, type Sight } from '../sight.js';
import { CACHE } from './cache.js';
import { builtFor, type BuiltFor } from './cross-build.js';
import { DebianPackages } from './debian-packages.js';
import { joinInitramfs } from './initramfs.js';
import { kernelImage, type KernelImage } from './kernel-image.js';
import type { Kernel } from './kernels.js';
import { packProduct } from './product.js';
import { userland } from './userland.js';
import { boot } from './virtual-machine.js';

export interface Trial {
  readonly kernel: Kernel;
  /** The kernel's own name of its version. */
  readonly release: string;
  readonly rungs: readonly Rung[];
  readonly sights: readonly Sight[];
  /** File with all that the machine said. */
  readonly console: string;
  /** Why the machine did not get to its end. */
  readonly broken?: string;
}

export interface TrialOptions {
  readonly rungs: readonly Rung[];
  readonly deadlineMs: number;
  /** Told of each check as it ends. */
  readonly onSight?: (sight: Sight) => void;
}

/** What is downloaded or compiled once, and used again from then on. */
interface Provisions extends KernelImage {
  readonly userland: string;
  readonly built: BuiltFor;
}

async function provide(kernel: Kernel): Promise<Provisions> {
  const packages = new DebianPackages(kernel.architecture);
  try {
    return {
      ...(await kernelImage(kernel, packages)),
      userland: await userland(packages),
      built: await builtFor(packages),
    };
  } finally {
    await packages.close();
  }
}

/**
 * What was seen until the machine was done, or broke.
 * @throws UnavailableError when what it needs can't be downloaded
 * @throws Error when it can't be compiled or packed
 */
export async function tryKernel(kernel: Kernel, options: TrialOptions): Promise<Trial> {
  const { rungs, deadlineMs, onSight = () => undefined } = options;
  const { image, modules, userland: programs, built } = await provide(kernel);
  const consoleFile = join(CACHE, `console-${kernel.name}.log`);
  const said: string[] = [];
  const sights: Sight[] = [];
  const read = (line: string): void => {
    said.push(line);
    const sight = readSight(line);
    if (sight === undefined) return;
    sights.push(sight);
    onSight(sight);
  };
  const broken = await inTemporaryFolder(async (folder) => {
    const [product, initramfs] = [join(folder, 'product.cpio'), join(folder, 'initramfs')];
    await packProduct(built, product);
    await joinInitramfs([programs, modules, product], initramfs);
    const parameters = `rungs=${rungs.join(',')}`;
    const machine = { kernel, image, initramfs, parameters, deadlineMs, lastLine: '@@end', onLine: read };
    return boot(machine).then(() => undefined, messageOf);
  });
  await writeFile(consoleFile, `${said.join('\n')}\n`);
  const release = said.flatMap((line) => /@@kernel (\S+)/.exec(line)?.[1] ?? [])[0] ?? kernel.name;
  return { kernel, release, rungs, sights, console: consoleFile, ...(broken !== undefined && { broken }) };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The folder goes with the process, too: it has hundreds of megabytes. */
async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'topoprobe-kernel-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', remove);
  try {
    return await work(folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Where a check failed that must not, or did not end; and why the machine broke, if it did. */
export function failures({ kernel, rungs, sights, console, broken }: Trial): string[] {
  const failed = rungs.flatMap((rung) =>
    CHECKS.filter((check) => check.rungs.includes(rung)).flatMap(({ name }) => {
      const sight = sights.find((each) => each.rung === rung && each.check === name);
      const instead = sight === undefined ? `no answer (its console is in ${console})` : sight.instead;
      return instead === undefined ? [] : [`${kernel.name}, rung ${rung}: ${name}: ${instead}`];
    }),
  );
  return broken === undefined ? failed : [...failed, broken];
}
