// ebpf-bridge/ebpf: what the kernel allows, and the TCP tracker. Options are checked here, before native code sees them.
import { readFileSync } from 'node:fs';
import { requireAddon } from '../addon.js';
import { whyNoBtf } from './btf.js';
import { EbpfUnavailableError } from './errors.js';

export { AddonUnavailableError } from '../errors.js';
export { EbpfUnavailableError, whyNoBtf };

const EPERM = 1;
const EACCES = 13;
/** From linux/capability.h. */
const CAP_SYS_ADMIN = 21;
const CAP_PERFMON = 38;
const CAP_BPF = 39;
const PAGE_BYTES = 4096;
const MAX_RING_BYTES = 1 << 30;
/** Programs of tracker.bpf.c that the tracker can do without. */
export const OPTIONAL_PROGRAMS = [
  'scan_files',
  'scan_namespace',
  'sweep_adopt',
  'sweep_holders',
  'on_read',
  'on_mptcp_send',
  'on_destroy',
];

function requireBtf() {
  const reason = whyNoBtf();
  if (reason !== undefined) throw new EbpfUnavailableError('NO_BTF', reason);
}

/** Whether the calling process has them; true if /proc can't be read. */
function hasCapabilities(...wanted) {
  try {
    const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    const effective = BigInt(`0x${hex}`);
    const has = (capability) => (effective & (1n << BigInt(capability))) !== 0n;
    return has(CAP_SYS_ADMIN) || wanted.every(has);
  } catch {
    return true; // unknown: don't blame them
  }
}

/** Blames capabilities only if they are missing: kernels refuse for other reasons too. */
function refusedByKernel(cause) {
  const isDenied = cause.errno === EPERM || cause.errno === EACCES;
  if (isDenied && !hasCapabilities(CAP_BPF, CAP_PERFMON)) {
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
  scanShare = 1,
  cheapScanNanos = 0,
  procRoot = '/proc',
  without = [],
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
  if (!(scanShare > 0 && scanShare <= 1))
    throw new RangeError(`scanShare must be a number above 0, to 1, not ${scanShare}`);
  if (!Number.isInteger(cheapScanNanos) || cheapScanNanos < 0 || cheapScanNanos > 0xffff_ffff)
    throw new RangeError(`cheapScanNanos must be a whole number to 4294967295, not ${cheapScanNanos}`);
  const unknown = without.find((program) => !OPTIONAL_PROGRAMS.includes(program));
  if (unknown !== undefined)
    throw new RangeError(`without names programs of ${OPTIONAL_PROGRAMS.join(', ')}, not ${unknown}`);
  return {
    ringBytes,
    maxConnections,
    maxConnectionsPerNetns,
    scanShare,
    cheapScanNanos,
    procRoot,
    without: [...without],
  };
}

export function recordLayoutDigest() {
  return requireAddon().recordLayoutDigest;
}

export async function probeFeatures() {
  return requireAddon().probeFeatures();
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
