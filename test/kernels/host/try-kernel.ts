/** Boots one kernel with the built product inside, and tells what was seen there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKS } from '../checks/index.js';
import type { Rung } from '../rungs.js';
import { readSight, type Sight } from '../sight.js';
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

/** @throws Error that says why there is no result */
export async function tryKernel(
  kernel: Kernel,
  { rungs, deadlineMs, onSight = () => undefined }: TrialOptions,
): Promise<Trial> {
  const provisions = await provide(kernel);
  const folder = await mkdtemp(join(tmpdir(), 'topoprobe-kernel-'));
  const sights: Sight[] = [];
  let release: string | undefined;
  try {
    const [product, initramfs] = [join(folder, 'product.cpio'), join(folder, 'initramfs')];
    await packProduct(provisions.built, product);
    await joinInitramfs([provisions.userland, provisions.modules, product], initramfs);
    await boot({
      kernel,
      image: provisions.image,
      initramfs,
      parameters: `rungs=${rungs.join(',')}`,
      deadlineMs,
      lastLine: '@@end',
      onLine: (line) => {
        const sight = readSight(line);
        release ??= /@@kernel (\S+)/.exec(line)?.[1];
        if (sight === undefined) return;
        sights.push(sight);
        onSight(sight);
      },
    });
  } finally {
    await rm(folder, { recursive: true });
  }
  return { kernel, release: release ?? 'did not start', rungs, sights };
}

/** Where a check failed that must not, or did not end. */
export function failures({ kernel, rungs, sights }: Trial): string[] {
  return rungs.flatMap((rung) =>
    CHECKS.filter((check) => check.rungs.includes(rung)).flatMap(({ name }) => {
      const sight = sights.find((each) => each.rung === rung && each.check === name);
      const instead = sight === undefined ? 'no answer' : sight.instead;
      return instead === undefined ? [] : [`${kernel.name}, rung ${rung}: ${name}: ${instead}`];
    }),
  );
}
