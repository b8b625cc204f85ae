/** What `doctor` finds out: each thing the probe could use, tried for real, and the source that follows from it. */
import { readdir } from 'node:fs/promises';
import { release } from 'node:os';
import { EbpfUnavailableError, probeFeatures, whyNoBtf } from 'ebpf-bridge';
import { ConntrackWatcher } from '../probe/connections/conntrack/index.js';
import { limitText, type Coverage, type Rung } from '../probe/connections/coverage.js';
import { RUNG_TEXT } from '../probe/connections/ebpf/rungs.js';
import { createProcfsSource } from '../probe/connections/procfs/index.js';
import type { Check } from './check.js';
import { tryCapture } from './try-capture.js';
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

const BTF_PATH = '/sys/kernel/btf/vmlinux';

/** Tried to know the kernel by; nothing here uses them. */
const NOT_NEEDED: ReadonlySet<string> = new Set(['kprobe', 'fentry', 'iter/bpf_sk_storage_map']);

/** @param rung the highest rung that eBPF may be on */
export async function diagnose(procRoot: string, rung: Rung = 'files'): Promise<Diagnosis> {
  const [features, proc, conntrack, { capture, coverage }] = await Promise.all([
    featureChecks(),
    procCheck(procRoot),
    conntrackCheck(procRoot),
    tryCapture(procRoot, rung),
  ]);
  const checks = [btfCheck(), ...features, capture, ...ladderChecks(coverage), conntrack, proc];
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
    if (!(error instanceof EbpfUnavailableError)) throw error;
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

/** Reads connection tracking of every namespace once, the way the probe does. */
async function conntrackCheck(procRoot: string): Promise<Check> {
  const name = 'conntrack';
  const watcher = new ConntrackWatcher({ wanted: 'nat', procRoot });
  try {
    const { flows } = await watcher.refresh();
    const { unavailable, readBy } = watcher;
    if (unavailable === undefined) {
      const { conntrackNamespaces = 0, conntrackUnreadableNamespaces = 0 } = watcher.counters();
      const refused = conntrackUnreadableNamespaces > 0 ? `, ${conntrackUnreadableNamespaces} refused` : '';
      const detail = `network namespaces read by ${readBy}: ${conntrackNamespaces}${refused}; translated flows: ${flows.flowCount}`;
      return { name, status: 'usable', detail };
    }
    const status = unavailable.code === 'NOT_LOADED' ? 'missing' : 'refused';
    return { name, status, detail: `NAT is not looked through: ${unavailable.message}` };
  } finally {
    await watcher.close();
  }
}
