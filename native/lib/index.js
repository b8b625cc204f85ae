// ebpf-bridge: what the kernel allows, and the TCP tracker. Options are checked here, before native code sees them.
import { addon } from './addon.js';
import { whyNoBtf } from './btf.js';
import { EbpfUnavailableError } from './errors.js';
import { countEntries, readFiles } from './files.js';
import { netlinkReady, netNamespaces, openNetlink } from './netlink.js';

export { countEntries, EbpfUnavailableError, netlinkReady, netNamespaces, openNetlink, readFiles, whyNoBtf };

const EPERM = 1;
const EACCES = 13;
const PAGE_BYTES = 4096;
const MAX_RING_BYTES = 1 << 30;
/** Of program_pages.h. */
export const PROGRAM_PAGE_TURNS = 16;

function requireAddon() {
  if (addon instanceof EbpfUnavailableError) throw addon;
  return addon;
}

function requireBtf() {
  const reason = whyNoBtf();
  if (reason !== undefined) throw new EbpfUnavailableError('NO_BTF', reason);
}

function refusedByKernel(cause) {
  if (cause.errno === EPERM || cause.errno === EACCES) {
    return new EbpfUnavailableError(
      'NO_PERMISSION',
      `${cause.message}: run as root, or give the probe CAP_BPF and CAP_PERFMON`,
      cause,
    );
  }
  return new EbpfUnavailableError(
    'REFUSED',
    `${cause.message}: topoprobe doctor shows what this kernel allows`,
    cause,
  );
}

function checkedTrackerOptions({
  ringBytes = 4 * 1024 * 1024,
  maxConnections = 500_000,
  maxConnectionsPerNetns = 400_000,
  cheapVisitNanos = 10_000_000,
} = {}) {
  const isPowerOfTwo = Number.isInteger(ringBytes) && ringBytes > 0 && Number.isInteger(Math.log2(ringBytes));
  if (!isPowerOfTwo || ringBytes < PAGE_BYTES || ringBytes > MAX_RING_BYTES) {
    throw new RangeError(
      `ringBytes must be a power of two from ${PAGE_BYTES} to ${MAX_RING_BYTES}, not ${ringBytes}`,
    );
  }
  for (const [name, value] of Object.entries({ maxConnections, maxConnectionsPerNetns })) {
    if (!Number.isInteger(value) || value < 1 || value > 0xffff_ffff)
      throw new RangeError(`${name} must be a whole number from 1 to 4294967295, not ${value}`);
  }
  if (!Number.isInteger(cheapVisitNanos) || cheapVisitNanos < 0 || cheapVisitNanos > 0xffff_ffff)
    throw new RangeError(`cheapVisitNanos must be a whole number to 4294967295, not ${cheapVisitNanos}`);
  return { ringBytes, maxConnections, maxConnectionsPerNetns, cheapVisitNanos };
}

export function recordLayout() {
  return requireAddon().recordLayout;
}

export async function probeFeatures() {
  return requireAddon().probeFeatures();
}

export async function releaseProgramPages(turn) {
  if (!Number.isInteger(turn) || turn < 0) throw new RangeError(`turn must be a whole number, not ${turn}`);
  return requireAddon().releaseProgramPages(turn % PROGRAM_PAGE_TURNS);
}

export async function loadTracker(options) {
  const checked = checkedTrackerOptions(options);
  const { loadTracker: load } = requireAddon();
  requireBtf();
  try {
    return await load(checked);
  } catch (error) {
    throw refusedByKernel(error);
  }
}
