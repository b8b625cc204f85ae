// ebpf-bridge/memory: settings of this process's own memory. Importing it changes none.
import { requireAddon } from '../addon.js';

export { AddonUnavailableError } from '../errors.js';

export function keepMallocSmall() {
  requireAddon().keepMallocSmall();
}

export function releaseFreeMemory() {
  requireAddon().releaseFreeMemory();
}
