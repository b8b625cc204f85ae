export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

/**
 * From now on this process is sparing with what malloc keeps: two arenas, and blocks from 1 MiB on go back to the kernel when
 * they are freed. For programs that run for months beside what they watch; to be called before much was allocated. Does
 * nothing where malloc is not glibc's.
 * @throws AddonUnavailableError without the addon
 */
export function keepMallocSmall(): void;

/**
 * Gives back to the kernel what malloc has of free memory, in the middle of its arenas too. Takes a millisecond or two. Does
 * nothing where malloc is not glibc's.
 * @throws AddonUnavailableError without the addon
 */
export function releaseFreeMemory(): void;
