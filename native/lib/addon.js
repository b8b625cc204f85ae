// Finds the compiled addon. Importing this package never fails: a missing addon is an answer, not an exception.
import { createRequire } from 'node:module';
import { EbpfUnavailableError } from './errors.js';

const ADDON_PATH = '../build/ebpf_bridge.node';

/** The addon, or the typed error that says why there is none. Cached. */
export const addon = load();

function load() {
  try {
    return createRequire(import.meta.url)(ADDON_PATH);
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND';
    return missing
      ? new EbpfUnavailableError(
          'NOT_BUILT',
          'the native addon is not built: install clang, libbpf-dev, libelf-dev and g++, then run make build',
          cause,
        )
      : new EbpfUnavailableError(
          'NOT_LOADABLE',
          `the native addon could not be loaded (${cause instanceof Error ? cause.message : String(cause)}): install what it lacks, or run make build on this machine`,
          cause,
        );
  }
}
