/** What `doctor` finds out: each thing the probe could use, tried for real, and the source that follows from it. */
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { release, userInfo } from 'node:os';
import { EbpfUnavailableError, probeFeatures } from 'ebpf-bridge';
import { capturedPercent } from '../probe/completeness.js';
import { ConntrackWatcher } from '../probe/connections/conntrack/index.js';
import { EbpfSource } from '../probe/connections/ebpf/ebpf-source.js';

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
  const [features, btf, proc, conntrack, capture] = await Promise.all([
    featureChecks(),
    btfCheck(),
    procCheck(procRoot),
    conntrackCheck(procRoot),
    captureCheck(procRoot),
  ]);
  const checks = [btf, ...features, capture, conntrack, proc];
  const base = { kernel: release(), user: userText(), checks };
  if (capture.status === 'usable')
    return { ...base, source: 'ebpf', reason: 'the tracker was loaded, attached and closed again' };
  const refused = `eBPF is not available: ${capture.detail}`;
  if (proc.status === 'usable') return { ...base, source: 'proc', reason: refused };
  return { ...base, source: undefined, reason: `${refused}; and ${proc.detail}` };
}

function userText(): string {
  const uid = process.geteuid?.() ?? 0;
  try {
    return `${userInfo().username} (uid ${uid})`;
  } catch {
    // Containers often run as a user that their /etc/passwd does not know, or have none.
    return `uid ${uid}, without a name`;
  }
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

async function btfCheck(): Promise<Check> {
  try {
    await access(BTF_PATH, constants.R_OK);
    return { name: 'BTF', status: 'usable', detail: BTF_PATH };
  } catch {
    return {
      name: 'BTF',
      status: 'missing',
      detail: `${BTF_PATH} can't be read: the kernel needs CONFIG_DEBUG_INFO_BTF=y`,
    };
  }
}

async function procCheck(procRoot: string): Promise<Check> {
  try {
    await readFile(`${procRoot}/net/tcp`);
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
    const why = error instanceof Error ? error.message : String(error);
    return {
      name: '/proc',
      status: 'refused',
      detail: `could not read ${procRoot}: ${why}: mount proc there, or set --proc-root`,
    };
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
      await connectToSelf();
      const { completeness } = await source.snapshot();
      const { opened, missed } = completeness;
      const detail =
        `${capturedPercent(completeness)} %: of ${opened} ends of connections that the kernel counted, ` +
        `${missed} were not seen`;
      return { name, status: 'usable', detail };
    } finally {
      await source.close();
    }
  } catch (error) {
    return { name, status: 'refused', detail: error instanceof Error ? error.message : String(error) };
  }
}

async function connectToSelf(): Promise<void> {
  const server = createServer((socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < SELF_CONNECTIONS; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.resume();
    await once(socket, 'close');
  }
  server.close();
  await once(server, 'close');
}
