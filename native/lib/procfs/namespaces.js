// The machine's network namespaces. Options are checked here, before native code sees them.
import { requireAddon } from '../addon.js';

const MAX_NAMESPACES = 1_048_576;
const NAME = /^[a-z0-9_]+$/;

export async function netNamespaces({
  procRoot = '/proc',
  known = [],
  mountTables = true,
  openFiles = true,
  maxNamespaces = 16_384,
} = {}) {
  if (!Number.isInteger(maxNamespaces) || maxNamespaces < 1 || maxNamespaces > MAX_NAMESPACES)
    throw new RangeError(
      `maxNamespaces must be a whole number up to ${MAX_NAMESPACES}, not ${maxNamespaces}`,
    );
  return requireAddon().netNamespaces({ procRoot, known: [...known], mountTables, openFiles, maxNamespaces });
}

export async function readInNamespaces(paths, name) {
  if (!NAME.test(name)) throw new RangeError(`name must be a file of /proc/net, not ${name}`);
  return paths.length === 0 ? [] : requireAddon().readInNamespaces([...paths], name);
}
