/** One scan of /proc: the socket table of each network namespace, once, and the process that holds each socket. */
import { TcpState } from '../../records/tcp-state.js';
import { errnoOf } from '../../errno.js';
import { ProbeError } from '../../errors.js';
import { describeHolder, forEachSocket, listPids, netnsOf } from './process-files.js';
import { RecordWriter, type Holder, type RecordLimits } from './record-writer.js';
import { SocketReader, type Sockets } from './socket-dump.js';

export interface ScanLimits extends RecordLimits {
  /** The most descriptors read per scan, over all processes. */
  readonly maxFds: number;
  /** Reads socket tables as text even where netlink is permitted. */
  readonly textOnly: boolean;
}

/** Counts of one scan. */
export interface ScanCounts {
  namespaces: number;
  /** Namespaces whose sockets came by netlink; others were read as text. */
  diagNamespaces: number;
  processes: number;
  /** Processes whose namespace or descriptors we may not read. */
  deniedProcesses: number;
  /** Processes that ended meanwhile. */
  vanishedProcesses: number;
  /** Namespaces whose socket table no process gave. */
  unreadableNamespaces: number;
  sockets: number;
  /** Sockets without a process, which wait for the peer to close: left out. */
  orphans: number;
  malformedLines: number;
  fds: number;
  /** Processes not read because `maxFds` was reached. */
  skippedProcesses: number;
  /** The overflow. (The name of a metric.) */
  otherConnections: number;
}

export interface Scan {
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** Connections over the limits, by inode of their namespace. */
  readonly overflow: ReadonlyMap<number, number>;
  readonly counts: ScanCounts;
}

const LISTENING = 1 << TcpState.Listen;
const CONNECTED =
  (1 << TcpState.SynSent) |
  (1 << TcpState.Established) |
  (1 << TcpState.FinWait1) |
  (1 << TcpState.FinWait2) |
  (1 << TcpState.CloseWait);

/** @throws ProbeError if there is no proc file system, or no namespace can be read */
export async function scan(procRoot: string, limits: ScanLimits): Promise<Scan> {
  const counts: ScanCounts = {
    namespaces: 0,
    diagNamespaces: 0,
    processes: 0,
    deniedProcesses: 0,
    vanishedProcesses: 0,
    unreadableNamespaces: 0,
    sockets: 0,
    orphans: 0,
    malformedLines: 0,
    fds: 0,
    skippedProcesses: 0,
    otherConnections: 0,
  };
  const pids = processesOf(procRoot);
  counts.processes = pids.length;
  const namespaces = byNamespace(procRoot, pids, counts);
  const holders = new Holders(procRoot, pids, limits.maxFds, counts);
  const writer = new RecordWriter(limits);
  const reader = new SocketReader(procRoot, limits.textOnly);
  for (const [netns, members] of namespaces) {
    const sockets = await reader.read(netns, members, LISTENING | CONNECTED);
    if (sockets === undefined) {
      counts.unreadableNamespaces++;
      continue;
    }
    counts.namespaces++;
    if (sockets.source === 'diag') counts.diagNamespaces++;
    writeNamespace(netns, sockets, holders, writer, counts);
  }
  if (counts.namespaces === 0) {
    throw new ProbeError('PROC_UNREADABLE', `cannot read a socket table below ${procRoot}`);
  }
  const { overflow } = writer;
  for (const count of overflow.values()) counts.otherConnections += count;
  return { records: writer.take(), recordCount: writer.count, overflow, counts };
}

function processesOf(procRoot: string): number[] {
  let pids: number[];
  try {
    pids = listPids(procRoot);
  } catch (error) {
    const attempted = `cannot list processes in ${procRoot} (${errnoOf(error)})`;
    throw new ProbeError('PROC_UNREADABLE', attempted, { cause: error });
  }
  if (pids.length === 0) {
    throw new ProbeError(
      'PROC_UNREADABLE',
      `cannot list processes: ${procRoot} lists no process, so it is not a proc file system`,
    );
  }
  return pids;
}

/** Namespace inode → its processes, as far as we may read them. */
function byNamespace(procRoot: string, pids: readonly number[], counts: ScanCounts): Map<number, number[]> {
  const namespaces = new Map<number, number[]>();
  for (const pid of pids) {
    const netns = netnsOf(procRoot, pid);
    if (netns === 'denied') {
      counts.deniedProcesses++;
    } else if (netns === 'vanished') {
      counts.vanishedProcesses++;
    } else {
      const members = namespaces.get(netns);
      if (members === undefined) namespaces.set(netns, [pid]);
      else members.push(pid);
    }
  }
  return namespaces;
}

function writeNamespace(
  netns: number,
  sockets: Sockets,
  holders: Holders,
  writer: RecordWriter,
  counts: ScanCounts,
): void {
  const listening = new Set<number>();
  sockets.each(LISTENING, ({ localPort }) => listening.add(localPort));
  counts.malformedLines += sockets.each(LISTENING | CONNECTED, (line) => {
    if (line.inode === 0) {
      counts.orphans++;
      return;
    }
    counts.sockets++;
    const wasAccepted = line.state !== TcpState.Listen && listening.has(line.localPort);
    writer.write(line, netns, holders.of(line.inode, wasAccepted));
  });
}

/** Socket inode → its fd holders, from one walk over all descriptors. */
class Holders {
  /** By socket, the lowest and highest PID of its fd holders. */
  readonly #lowest = new Map<number, number>();
  readonly #highest = new Map<number, number>();
  readonly #described = new Map<number, Holder>();

  constructor(
    private readonly procRoot: string,
    pids: readonly number[],
    maxFds: number,
    counts: ScanCounts,
  ) {
    for (const pid of pids) {
      if (counts.fds >= maxFds) {
        counts.skippedProcesses++;
        continue;
      }
      const { fds, outcome } = forEachSocket(procRoot, pid, maxFds - counts.fds, (inode) => {
        if (this.#lowest.has(inode)) this.#highest.set(inode, pid);
        else this.#lowest.set(inode, pid);
      });
      counts.fds += fds;
      // A process whose namespace was denied is counted already.
      if (outcome === 'vanished') counts.vanishedProcesses++;
    }
  }

  /**
   * One of several fd holders. For a listener the oldest, which forked the others; for an accepted connection the youngest,
   * which was forked for it. PIDs represent age, which fails when they wrap around.
   */
  of(inode: number, wasAccepted: boolean): Holder | undefined {
    const lowest = this.#lowest.get(inode);
    const pid = wasAccepted ? (this.#highest.get(inode) ?? lowest) : lowest;
    if (pid === undefined) return undefined;
    let holder = this.#described.get(pid);
    if (holder === undefined) this.#described.set(pid, (holder = describeHolder(this.procRoot, pid)));
    return holder;
  }
}
