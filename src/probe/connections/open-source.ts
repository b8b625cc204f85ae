/**
 * Chooses the connection source: eBPF where it can be loaded, /proc otherwise or when asked for. Connection tracking is
 * read beside it: for NAT, and with /proc for short connections too.
 */
import { ConntrackWatcher, withConntrack } from './conntrack/index.js';
import { EbpfSource } from './ebpf/ebpf-source.js';
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

/**
 * @throws EbpfUnavailableError when `ebpf` was asked for and can't be had
 * @throws ProcfsError when /proc is the source and can't be read
 */
export async function openSource(choice: SourceChoice, options: { procRoot: string }): Promise<OpenedSource> {
  if (choice === 'proc') return openProcfs(options.procRoot);
  try {
    const source = await EbpfSource.start();
    const watcher = new ConntrackWatcher({ wanted: 'nat', procRoot: options.procRoot });
    return withWatcher(source, watcher, source.seeded());
  } catch (error) {
    if (choice === 'ebpf') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { ...(await openProcfs(options.procRoot)), fallbackReason: reason };
  }
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
