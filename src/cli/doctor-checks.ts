/** What `doctor` finds out: each thing the probe could use, tried for real, and the source that follows from it. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { release } from 'node:os';
import { EbpfUnavailableError, probeFeatures, whyNoBtf } from 'ebpf-bridge';
import { capturedPercent } from '../probe/completeness.js';
import { ConntrackWatcher } from '../probe/connections/conntrack/index.js';
import { EbpfSource } from '../probe/connections/ebpf/ebpf-source.js';
import { createProcfsSource } from '../probe/connections/procfs/index.js';
import { reasonOf } from './errors.js';
import { userText } from './user.js';

export interface Check {
  readonly name: string;
  readonly status: 'usable' | 'refused' | 'missing';
  /** What was found, or why not and what to do. */
  readonly detail: string;
}

export interface Diagnosis {
  readonly kernel: string;
  readonly user: string;
  readonly checks: readonly Check[];
  /** The source `--source auto` takes; undefined when nothing works. */
  readonly source: 'ebpf' | 'proc' | undefined;
  /** Why it is this one. */
  readonly reason: string;
}

const BTF_PATH = '/sys/kernel/btf/vmlinux';
/** Enough to see that connections are seen. */
const SELF_CONNECTIONS = 50;

export async function diagnose(procRoot: string): Promise<Diagnosis> {
  const [features, proc, conntrack, capture] = await Promise.all([
    featureChecks(),
    procCheck(procRoot),
    conntrackCheck(procRoot),
    captureCheck(procRoot),
  ]);
  const checks = [btfCheck(), ...features, capture, conntrack, proc];
  const base = { kernel: release(), user: userText(), checks };
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
      detail: usable ? 'loaded and attached' : reason,
    }));
  } catch (error) {
    if (!(error instanceof EbpfUnavailableError)) throw error;
    return [{ name: 'native addon', status: 'missing', detail: error.message }];
  }
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

/** Loads the tracker, makes connections, and holds what it saw against what the kernel counted meanwhile. */
async function captureCheck(procRoot: string): Promise<Check> {
  const name = 'capture';
  try {
    const source = await EbpfSource.start({ procRoot });
    try {
      const noConnections = await whyNotConnected();
      if (noConnections !== undefined) return { name, status: 'usable', detail: noConnections };
      const { completeness } = await source.snapshot();
      const { opened, missed } = completeness;
      const detail =
        opened === 0
          ? `connections are seen; whether all, can't be told: the kernel's counters can't be read below ${procRoot}`
          : `${capturedPercent(completeness)} %: of ${opened} ends of connections that the kernel counted, ` +
            `${missed} were not seen`;
      return { name, status: 'usable', detail };
    } finally {
      await source.close();
    }
  } catch (error) {
    return { name, status: 'refused', detail: error instanceof Error ? error.message : String(error) };
  }
}

/** Undefined when connections could be made to try the tracker with; without loopback it works all the same. */
async function whyNotConnected(): Promise<string | undefined> {
  try {
    await connectToSelf();
    return undefined;
  } catch (error) {
    return `attached, but not tried: no connection to 127.0.0.1 could be made (${reasonOf(error)}); try ip link set lo up`;
  }
}

async function connectToSelf(): Promise<void> {
  const server = createServer((socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < SELF_CONNECTIONS; i++) {
      const socket = connect(port, '127.0.0.1');
      socket.resume();
      await once(socket, 'close');
    }
  } finally {
    server.close();
    await once(server, 'close');
  }
}
