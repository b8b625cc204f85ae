export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

/**
 * From now on malloc keeps less memory for this process: two arenas, and freed blocks of 1 MiB or more go back to the
 * kernel. For a probe that runs for months beside other programs. Call it before much was allocated. Does nothing without
 * glibc's malloc.
 * @throws AddonUnavailableError without the addon
 */
export function keepMallocSmall(): void;

/**
 * Returns malloc's free memory to the kernel, from the middle of its arenas too. Takes a millisecond or two. Does nothing
 * without glibc's malloc.
 * @throws AddonUnavailableError without the addon
 */
export function releaseFreeMemory(): void;
