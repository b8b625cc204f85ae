/**
 * Chooses the connection source: eBPF where it can be loaded, /proc otherwise or when asked for. Connection tracking is
 * read beside it: for NAT, and with /proc for short connections too.
 */
import { ConntrackMonitor, type MonitorOptions } from './conntrack/index.js';
import { withConntrack, type TrackedExtras } from './nat/nat-source.js';
import { EbpfSource, type EbpfBounds } from './connections/ebpf/ebpf-source.js';
import type { Ledger } from './connections/ebpf/ledger.js';
import type { Rung } from './records/coverage.js';
import { FailoverSource } from './connections/failover-source.js';
import { ProbeError } from './errors.js';
import { NamespaceListing } from './namespaces/net-namespaces.js';
import { createProcfsSource } from './connections/procfs/index.js';
import type { ConnectionSource } from './records/source.js';
import { Translations } from './nat/translations.js';

export type SourceChoice = 'auto' | 'ebpf' | 'proc';

export interface OpenedSource {
  readonly source: ConnectionSource;
  /** Renewed with each snapshot, whichever source takes it. */
  readonly namespaces: NamespaceListing;
  /** Why eBPF is not used though `auto` would have preferred it. */
  readonly fallbackReason?: string;
  /** Resolves when connections older than the source are known too. */
  readonly seeded: Promise<void>;
  /** Resolves to why connection tracking is not read, or to undefined when it is. */
  readonly conntrackRefusal: Promise<string | undefined>;
}

/** What is reported in detail, whichever source reports it. */
export type SourceBounds = EbpfBounds;

export interface OpenOptions {
  readonly procRoot: string;
  /** Called with one line each time a source that died is replaced, or a kernel refuses a program late. */
  readonly warn?: (message: string) => void;
  readonly bounds?: SourceBounds;
  /** Milliseconds between two sweeps over all open files, by eBPF. Default 30,000. */
  readonly sweepIntervalMs?: number;
  /** The highest rung that eBPF may be on. Default: the highest there is. */
  readonly rung?: Rung | undefined;
}

/**
 * @throws AddonUnavailableError or EbpfUnavailableError when `ebpf` was asked for and can't be had
 * @throws ProbeError when /proc is the source and can't be read
 */
export async function openSource(choice: SourceChoice, options: OpenOptions): Promise<OpenedSource> {
  const namespaces = new NamespaceListing(options.procRoot);
  if (choice === 'proc') return openProcfs(options, namespaces);
  try {
    return await openEbpf(options, namespaces);
  } catch (error) {
    if (choice === 'ebpf') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { ...(await openInstead(options, namespaces, reason)), fallbackReason: reason };
  }
}

/** @throws ProbeError whose advice has why eBPF is no way out */
async function openInstead(
  options: OpenOptions,
  namespaces: NamespaceListing,
  noEbpf: string,
): Promise<OpenedSource> {
  try {
    return await openProcfs(options, namespaces);
  } catch (error) {
    if (!(error instanceof ProbeError)) throw error;
    const advice = `${error.advice} (eBPF is not available either: ${noEbpf})`;
    throw new ProbeError(error.code, error.attempted, { cause: error, advice });
  }
}

async function openEbpf(options: OpenOptions, namespaces: NamespaceListing): Promise<OpenedSource> {
  const { procRoot, bounds = {}, sweepIntervalMs, rung, warn = () => undefined } = options;
  // One ledger for all trackers, one after the other: what happened while none was there is missed.
  let ledger: Ledger | undefined;
  // And one memory of translations: each tracker calls the sockets by the kernel's cookies.
  const translations = new Translations();
  const open = async (): Promise<OpenedSource> => {
    // The source looks for namespaces first in each snapshot; the watcher takes what it found.
    const source = await EbpfSource.start({
      ...bounds,
      ...(sweepIntervalMs !== undefined && { sweepIntervalMs }),
      ...(rung && { rung }),
      warn,
      procRoot,
      listNamespaces: () => namespaces.renew(),
      ...(ledger && { ledger }),
    });
    ledger = source.ledger;
    const watcher = new ConntrackMonitor({
      ...watcherOptions(options),
      wanted: 'nat',
      listNamespaces: () => namespaces.last(),
    });
    return withWatcher(source, watcher, source.seeded(), { translations, namespaces, warn });
  };
  const first = await open();
  const source = new FailoverSource(first.source, {
    openEbpf: open,
    openProcfs: () => openProcfs(options, namespaces),
    warn,
  });
  return { ...first, source };
}

async function openProcfs(options: OpenOptions, namespaces: NamespaceListing): Promise<OpenedSource> {
  const { maxConnections: maxRecords, maxConnectionsPerNetns: maxRecordsPerNetns } = options.bounds ?? {};
  const source = await createProcfsSource({
    procRoot: options.procRoot,
    ...(maxRecords !== undefined && { maxRecords }),
    ...(maxRecordsPerNetns !== undefined && { maxRecordsPerNetns }),
  });
  const watcher = new ConntrackMonitor({
    ...watcherOptions(options),
    wanted: 'all',
    listNamespaces: () => namespaces.renew(),
  });
  return withWatcher(source, watcher, Promise.resolve(), { namespaces, warn: options.warn });
}

function watcherOptions({
  procRoot,
  bounds,
}: OpenOptions): Pick<MonitorOptions, 'procRoot' | 'maxNamespaces'> {
  const maxNamespaces = bounds?.maxNamespaces;
  return { procRoot, ...(maxNamespaces !== undefined && { maxNamespaces }) };
}

/** The watcher's first refresh subscribes to events; nobody waits for it. */
function withWatcher(
  source: ConnectionSource,
  watcher: ConntrackMonitor,
  seeded: Promise<void>,
  extras: TrackedExtras & { readonly namespaces: NamespaceListing },
): OpenedSource {
  // A tracker that takes another one's place is opened without anybody asking for this.
  const conntrackRefusal = watcher.refresh().then(
    () => watcher.unavailable?.message,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const { namespaces } = extras;
  return { source: withConntrack(source, watcher, extras), namespaces, seeded, conntrackRefusal };
}
