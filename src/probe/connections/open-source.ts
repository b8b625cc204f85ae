/**
 * Chooses the connection source: eBPF where it can be loaded, /proc otherwise or when asked for. Connection tracking is
 * read beside it: for NAT, and with /proc for short connections too.
 */
import { ConntrackWatcher, withConntrack } from './conntrack/index.js';
import { EbpfSource, type EbpfSourceOptions } from './ebpf/ebpf-source.js';
import type { Ledger } from './ebpf/ledger.js';
import { FailoverSource } from './failover-source.js';
import { createProcfsSource } from './procfs/index.js';
import type { ConnectionSource } from './source.js';

export type SourceChoice = 'auto' | 'ebpf' | 'proc';

export interface OpenedSource {
  readonly source: ConnectionSource;
  /** Why eBPF is not used though `auto` would have preferred it. */
  readonly fallbackReason?: string;
  /** Resolves when connections older than the source are known too. */
  readonly seeded: Promise<void>;
  /** Resolves to why connection tracking is not read, or to undefined when it is. */
  readonly conntrackRefusal: Promise<string | undefined>;
}

export interface OpenOptions {
  readonly procRoot: string;
  /** Told in one line each time a source that died is replaced. */
  readonly warn?: (message: string) => void;
  readonly ebpf?: Pick<EbpfSourceOptions, 'ringBytes' | 'maxClosed'>;
}

/**
 * @throws EbpfUnavailableError when `ebpf` was asked for and can't be had
 * @throws ProcfsError when /proc is the source and can't be read
 */
export async function openSource(choice: SourceChoice, options: OpenOptions): Promise<OpenedSource> {
  if (choice === 'proc') return openProcfs(options.procRoot);
  try {
    return await openEbpf(options);
  } catch (error) {
    if (choice === 'ebpf') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { ...(await openProcfs(options.procRoot)), fallbackReason: reason };
  }
}

async function openEbpf({ procRoot, ebpf = {}, warn = () => undefined }: OpenOptions): Promise<OpenedSource> {
  // One ledger for all trackers, one after the other: what happened while none was there is missed.
  let ledger: Ledger | undefined;
  const open = async (): Promise<OpenedSource> => {
    const source = await EbpfSource.start({ ...ebpf, procRoot, ...(ledger && { ledger }) });
    ledger = source.ledger;
    return withWatcher(source, new ConntrackWatcher({ wanted: 'nat', procRoot }), source.seeded());
  };
  const first = await open();
  const source = new FailoverSource(first.source, {
    openEbpf: open,
    openProcfs: () => openProcfs(procRoot),
    warn,
  });
  return { ...first, source };
}

async function openProcfs(procRoot: string): Promise<OpenedSource> {
  const source = await createProcfsSource({ procRoot });
  return withWatcher(source, new ConntrackWatcher({ wanted: 'all', procRoot }), Promise.resolve());
}

/** The watcher's first refresh subscribes to events; nobody waits for it. */
function withWatcher(
  source: ConnectionSource,
  watcher: ConntrackWatcher,
  seeded: Promise<void>,
): OpenedSource {
  const conntrackRefusal = watcher.refresh().then(() => watcher.unavailable?.message);
  return { source: withConntrack(source, watcher), seeded, conntrackRefusal };
}
