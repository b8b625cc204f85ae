/** The kernels that are tried: Debian's for clouds, by version and processor. */

export type Architecture = 'amd64' | 'arm64';

export interface Kernel {
  /** As `KERNELS` of `make kernels` names it: `6.1-amd64`. */
  readonly name: string;
  readonly version: string;
  readonly architecture: Architecture;
}

const NAMES = ['6.1-amd64', '6.12-amd64', '6.12-arm64'] as const;

/** @throws Error that says which kernels there are */
export function kernelByName(name: string): Kernel {
  const [, version, architecture] = /^(\d+\.\d+)-(amd64|arm64)$/.exec(name) ?? [];
  if (version === undefined || (architecture !== 'amd64' && architecture !== 'arm64'))
    throw new Error(`there is no kernel "${name}": name some of ${NAMES.join(' ')} in KERNELS`);
  return { name, version, architecture };
}

export const ALL_KERNELS: readonly Kernel[] = NAMES.map(kernelByName);
