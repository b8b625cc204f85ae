// Finds the compiled addon. Importing this package never fails: a missing addon is reported by the first call.
import { createRequire } from 'node:module';
import { AddonUnavailableError } from './errors.js';

const ADDON_PATH = '../build/ebpf_bridge.node';

const loaded = load();

/** The addon. @throws AddonUnavailableError why there is none */
export function requireAddon() {
  if (loaded instanceof AddonUnavailableError) throw loaded;
  return loaded;
}

function load() {
  try {
    return createRequire(import.meta.url)(ADDON_PATH);
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND';
    return missing
      ? new AddonUnavailableError(
          'NOT_BUILT',
          'the native addon is not built: install clang, libbpf-dev, libelf-dev and g++, then run make build',
          cause,
        )
      : new AddonUnavailableError(
          'NOT_LOADABLE',
          `the native addon could not be loaded (${cause instanceof Error ? cause.message : String(cause)}): install what it lacks, or run make build on this machine`,
          cause,
        );
  }
}
