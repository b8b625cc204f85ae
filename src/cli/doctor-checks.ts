/** What `doctor` finds out: each thing the probe could use, tried for real, and the source that follows from it. */
import { readdir } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import { AddonUnavailableError, probeFeatures, whyNoBtf } from 'ebpf-bridge/ebpf';
import { findNamespaces, withoutProcess } from '../probe/namespaces/net-namespaces.js';
import { descriptors, DESCRIPTORS_ADVICE, descriptorShortage } from '../probe/descriptors.js';
import { ConntrackMonitor } from '../probe/conntrack/index.js';
import { limitText, type Coverage, type Rung } from '../probe/records/coverage.js';
import { RUNG_TEXT } from '../probe/connections/ebpf/rungs.js';
import { NetAddresses } from '../probe/namespaces/net-addresses.js';
import { trySystemServers } from '../probe/dns/index.js';
import { createProcfsSource } from '../probe/connections/procfs/index.js';
import type { Check } from './check.js';
import { runtimeCheck } from './runtime-check.js';
import { tryCapture } from './try-capture.js';
import { machineIdentity } from '../probe/hosts/index.js';
import { userText } from './user.js';

export interface Diagnosis {
  readonly kernel: string;
  readonly user: string;
  readonly checks: readonly Check[];
  /** The source `--source auto` takes; undefined when nothing works. */
  readonly source: 'ebpf' | 'proc' | undefined;
  /** Why it is this one. */
  readonly reason: string;
  /** What this kernel allows of eBPF, and what can't be seen for what it refuses; absent where eBPF can't be had. */
  readonly coverage?: Coverage;
}

/** Namespaces reported by path. */
const NAMED_MOST = 10;
const ENOUGH_DESCRIPTORS = 512;
const BTF_PATH = '/sys/kernel/btf/vmlinux';

/** Tried to know the kernel by; nothing here uses them. */
const NOT_NEEDED: ReadonlySet<string> = new Set(['kprobe', 'fentry', 'iter/bpf_sk_storage_map']);

/** @param rung the highest rung that eBPF may be on */
export async function diagnose(procRoot: string, rung: Rung = 'files'): Promise<Diagnosis> {
  const [runtime, features, proc, conntrack, namespaces, addresses, names, { capture, coverage }] =
    await Promise.all([
      runtimeCheck(),
      featureChecks(),
      procCheck(procRoot),
      conntrackCheck(procRoot),
      namespacesCheck(procRoot),
      addressesCheck(procRoot),
      nameServerCheck(),
      tryCapture(procRoot, rung),
    ]);
  const ofSource = [btfCheck(), ...features, capture, ...ladderChecks(coverage)];
  const ofMachine = [
    machineCheck(procRoot),
    descriptorsCheck(),
    namespaces,
    conntrack,
    addresses,
    names,
    proc,
  ];
  const checks = [runtime, ...ofSource, ...ofMachine];
  const base = { kernel: release(), user: userText(), checks, ...(coverage && { coverage }) };
  if (capture.status === 'usable')
    return { ...base, source: 'ebpf', reason: 'the tracker was loaded, attached and closed again' };
  const refused = `eBPF is not available: ${capture.detail}`;
  if (proc.status === 'usable') return { ...base, source: 'proc', reason: refused };
  return { ...base, source: undefined, reason: `${refused}; and ${proc.detail}` };
}

async function featureChecks(): Promise<Check[]> {
  try {
    return (await probeFeatures()).map(({ name, usable, reason }) => ({
      name,
      status: usable ? 'usable' : 'refused',
      detail: `${usable ? 'loaded and attached' : reason}${NOT_NEEDED.has(name) ? ' (not needed)' : ''}`,
    }));
  } catch (error) {
    if (!(error instanceof AddonUnavailableError)) throw error;
    return [{ name: 'native addon', status: 'missing', detail: error.message }];
  }
}

/** The rung, and each of the tracker's programs that is not there. */
function ladderChecks(coverage: Coverage | undefined): Check[] {
  if (coverage === undefined) return [];
  const { rung, blind, limits } = coverage;
  return [
    { name: 'rung', status: 'usable', detail: `${rung}: ${RUNG_TEXT[rung]}` },
    ...blind.map(({ program, section, reason, lost }): Check => {
      return { name: program, status: 'refused', detail: `${section}: ${reason}; so ${lost}` };
    }),
    ...limits.map((limit): Check => ({
      name: `not seen: ${limit.what}`,
      status: 'refused',
      detail: limitText(limit),
    })),
  ];
}

function btfCheck(): Check {
  const reason = whyNoBtf();
  return reason === undefined
    ? { name: 'BTF', status: 'usable', detail: BTF_PATH }
    : { name: 'BTF', status: 'missing', detail: reason };
}

async function procCheck(procRoot: string): Promise<Check> {
  try {
    const source = await createProcfsSource({ procRoot });
    await source.close();
    const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name));
    const readable = await Promise.all(
      pids.map((pid) =>
        readdir(`${procRoot}/${pid}/fd`).then(
          () => true,
          () => false,
        ),
      ),
    );
    const count = readable.filter(Boolean).length;
    return {
      name: '/proc',
      status: 'usable',
      detail: `sockets of ${count} of ${pids.length} processes can be read`,
    };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name: '/proc', status: 'refused', detail };
  }
}

/** Whether anybody can be asked for names of addresses. */
async function nameServerCheck(): Promise<Check> {
  const tried = await trySystemServers();
  const texts = tried.map(
    ({ server, reason }) => `${server} ${reason === undefined ? 'answers' : `can't be asked (${reason})`}`,
  );
  const isAsked = tried.some(({ reason }) => reason === undefined);
  const advice = isAsked
    ? ''
    : ', so names of addresses are missing: give the probe another one with --dns-server, or ask none with --dns off';
  return {
    name: 'name servers',
    status: isAsked ? 'usable' : 'refused',
    detail: `${texts.join(', ')}${advice}`,
  };
}

/** Reads the addresses of every namespace's interfaces, the way the probe does. */
async function addressesCheck(procRoot: string): Promise<Check> {
  const addresses = new NetAddresses({ procRoot });
  await addresses.refresh();
  const { read, lack } = addresses.summary();
  const networks = addresses.networks().length;
  return {
    name: 'addresses',
    status: lack === undefined ? 'usable' : 'refused',
    detail: lack ?? `network namespaces read: ${read}; networks in them: ${networks}`,
  };
}

/** Finds network namespaces the way the probe does, and says which no process is in. */
async function namespacesCheck(procRoot: string): Promise<Check> {
  const name = 'network namespaces';
  try {
    const found = await findNamespaces(procRoot);
    const kept = withoutProcess(found);
    const some = kept.slice(0, NAMED_MOST).map(({ path }) => path);
    const more = kept.length > some.length ? ` and ${kept.length - some.length} more` : '';
    const which = kept.length === 0 ? '' : ` (${some.join(', ')}${more})`;
    return { name, status: 'usable', detail: `${found.length}, ${kept.length} without a process${which}` };
  } catch (error) {
    const reason = descriptorShortage(error) ?? (error instanceof Error ? error.message : String(error));
    return { name, status: 'refused', detail: `could not be looked for: ${reason}` };
  }
}

/** The identity of this machine among others with its name. */
function machineCheck(procRoot: string): Check {
  const name = 'machine';
  const { machine, source, boot } = machineIdentity(procRoot);
  if (machine !== undefined)
    return {
      name,
      status: 'usable',
      detail: `${hostname()} is told from others of its name by its ${source}: ${machine}`,
    };
  const advice =
    "mount the host's /etc/machine-id into the container, or give the machine one (systemd-machine-id-setup)";
  const detail =
    boot === undefined
      ? `another machine called ${hostname()} would be taken for this one: it has no id; ${advice}`
      : `${hostname()} is told from others of its name by this boot only, as it has no id: ${advice}`;
  return { name, status: 'missing', detail };
}

/** A few hundred namespaces are watched with the usual limit; with less than this some wait. */
function descriptorsCheck(): Check {
  const name = 'open files';
  const found = descriptors();
  if (found === undefined) return { name, status: 'missing', detail: '/proc/self does not tell the limit' };
  const { limit } = found;
  return limit < ENOUGH_DESCRIPTORS
    ? {
        name,
        status: 'refused',
        detail: `${limit} at most: little room for network namespaces and clients; ${DESCRIPTORS_ADVICE}`,
      }
    : { name, status: 'usable', detail: `${limit} at most` };
}

/** Reads connection tracking of every namespace once, the way the probe does. */
async function conntrackCheck(procRoot: string): Promise<Check> {
  const name = 'conntrack';
  const watcher = new ConntrackMonitor({ wanted: 'nat', procRoot });
  try {
    const { flows } = await watcher.refresh();
    const { unavailable, readBy } = watcher;
    if (unavailable === undefined) {
      const { conntrackNamespaces = 0, conntrackUnreadableNamespaces = 0 } = watcher.counters();
      const refused = conntrackUnreadableNamespaces > 0 ? `, ${conntrackUnreadableNamespaces} refused` : '';
      const short = watcher.shortfall;
      if (short !== undefined) return { name, status: 'refused', detail: short };
      const detail = `network namespaces read by ${readBy}: ${conntrackNamespaces}${refused}; translated flows: ${flows.flowCount}`;
      return { name, status: 'usable', detail };
    }
    const status = unavailable.code === 'CONNTRACK_ABSENT' ? 'missing' : 'refused';
    return { name, status, detail: `NAT is not looked through: ${unavailable.message}` };
  } finally {
    await watcher.close();
  }
}
