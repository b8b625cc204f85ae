/**
 * The eBPF source: the kernel keeps one record per TCP socket and this reads them in bulk.
 *
 * A sweep over all open files adopts older sockets, in the background. A state change that the kernel reports meanwhile
 * wins over the sweep.
 */
import {
  AddonUnavailableError,
  loadTracker,
  recordLayoutDigest,
  type NamespacePaths,
  type Tracker,
  type TrackerCounters,
  type TrackerOptions,
} from 'ebpf-bridge/ebpf';
import type { NetNamespace } from 'ebpf-bridge/procfs';
import { LAYOUT_DIGEST } from '../../records/layout.js';
import { coverageText, type Coverage, type Rung } from '../../records/coverage.js';
import { findNamespaces, type ListNamespaces } from '../../namespaces/net-namespaces.js';
import type {
  Completeness,
  ConnectionSource,
  Overflow,
  Snapshot,
  SnapshotRequest,
  UnreportedEnds,
} from '../../records/source.js';
import { readKernelCounts } from './kernel-counters.js';
import { Ledger, type Reading } from './ledger.js';
import { readNamespaceCounts } from './namespace-counts.js';
import { pidNamespaceLimits } from './pid-namespace.js';
import { coverageOf, WITHOUT } from './rungs.js';
import { SCAN_RATIONS } from './rations.js';
import { Sweeps } from './sweeps.js';

/** Bounds on records, and on records that wait in the kernel. */
export interface EbpfBounds extends TrackerOptions {
  /** Namespaces compared with the kernel's counters at each snapshot; more take turns. Default 2,048. */
  readonly maxNamespaces?: number;
}

export interface EbpfSourceOptions extends EbpfBounds {
  /** The highest rung to try. Default: the highest of all. */
  readonly rung?: Rung;
  /** Milliseconds between two sweeps over all open files. They find sockets that changed hands. Default 30,000. */
  readonly sweepIntervalMs?: number;
  readonly procRoot?: string;
  /** Lists the namespaces, once per snapshot. Default: those of all processes below `procRoot`. */
  readonly listNamespaces?: ListNamespaces;
  /** Gets one line when the kernel refuses a program late. */
  readonly warn?: (message: string) => void;
  /** Of the source that this one replaces: connections that neither saw count as missed. */
  readonly ledger?: Ledger;
}

const DEFAULT_MAX_NAMESPACES = 2048;
const DEFAULT_SWEEP_INTERVAL_MS = 30_000;

export class EbpfSource implements ConnectionSource {
  readonly kind = 'ebpf';
  #counters: TrackerCounters | undefined;
  readonly #overflow = {
    otherClosed: 0,
    otherFailed: 0,
    otherBytesSent: 0,
    otherBytesReceived: 0,
    otherLive: 0,
  };
  readonly #sweeps: Sweeps;
  readonly #warn: (message: string) => void;
  #coverage: Coverage;
  #scanRounds = 0;
  #foreign = 0;
  #namespaces: NamespacePaths;

  private constructor(
    private readonly tracker: Tracker,
    readonly ledger: Ledger,
    private readonly kernel: KernelReader,
    { sweepIntervalMs, coverage, namespaces, warn }: Started,
  ) {
    this.#warn = warn;
    this.#coverage = coverage;
    this.#namespaces = namespaces;
    this.#sweeps = new Sweeps(tracker, sweepIntervalMs, () => this.#namespaces);
  }

  /**
   * Loads and attaches the programs and begins to adopt older sockets.
   * @throws AddonUnavailableError when the addon is not built, or was built from another record layout
   * @throws EbpfUnavailableError with the reason if the kernel does not allow eBPF here
   */
  static async start(options: EbpfSourceOptions = {}): Promise<EbpfSource> {
    const { procRoot = '/proc', maxNamespaces = DEFAULT_MAX_NAMESPACES, ledger, ...rest } = options;
    const {
      listNamespaces = () => findNamespaces(procRoot),
      sweepIntervalMs = DEFAULT_SWEEP_INTERVAL_MS,
      rung = 'files',
      without = [],
      warn = () => undefined,
      ...trackerOptions
    } = rest;
    assertSameLayout(recordLayoutDigest());
    const tracker = await loadTracker({
      ...SCAN_RATIONS,
      ...trackerOptions,
      procRoot,
      without: [...new Set([...WITHOUT[rung], ...without])],
    });
    try {
      const kernel: KernelReader = { procRoot, maxNamespaces, listNamespaces };
      const all = await listNamespaces().catch(() => []);
      const started: Started = {
        sweepIntervalMs,
        coverage: coverageOf(await tracker.refusals(), pidNamespaceLimits(tracker.pidNamespace(), procRoot)),
        namespaces: namespacePaths(all),
        warn,
      };
      return new EbpfSource(tracker, ledger ?? (await beginLedger(kernel, all)), kernel, started);
    } catch (error) {
      await tracker.close();
      throw error;
    }
  }

  /** As of the last snapshot: the kernel may refuse a program late. */
  get coverage(): Coverage {
    return this.#coverage;
  }

  /** Resolves when sockets older than this source are known. */
  async seeded(): Promise<void> {
    await this.#sweeps.first;
  }

  async snapshot({ mayDeferScan = false, changesOnly = false }: SnapshotRequest = {}): Promise<
    Snapshot & { readonly completeness: Completeness }
  > {
    const { all, ...reading } = await readKernel(this.kernel, this.ledger);
    if (all !== undefined) this.#namespaces = namespacePaths(all);
    const { namespaces, namespaceCount, refused, scanned, foreign, unsure, ...snapshot } =
      await this.tracker.snapshot({ mayDeferScan, changesOnly, namespaces: this.#namespaces });
    if (scanned) this.#scanRounds++;
    if (unsure) this.#sweeps.hurry();
    if (refused !== this.#coverage.blind.length) await this.#lookAtRefusals();
    this.#counters = await this.tracker.counters();
    const { seen, overflow } = readNamespaceCounts({ namespaces, namespaceCount });
    this.#count(overflow);
    this.#foreign = foreign;
    const completeness = this.ledger.reconcile({ ...reading, seen });
    // A sweep finds older connections with, or after, the listeners of their namespace.
    const listenersListed = this.#sweeps.hasAdopted;
    return { ...snapshot, foreign, listenersListed, overflow, holders: this.#sweeps.holders, completeness };
  }

  unreported(ends: UnreportedEnds): void {
    this.ledger.unreported(ends);
  }

  /** By the names of metrics. `otherLive`, `live`, `stored` and `foreign` are as of now. */
  counters(): Readonly<Record<string, number>> {
    return {
      ...(this.#counters && byMetric(this.#counters)),
      ...this.#overflow,
      foreign: this.#foreign,
      visitRounds: this.#scanRounds,
      ...this.#sweeps.counters(),
    };
  }

  async close(): Promise<void> {
    await this.#sweeps.close();
    await this.tracker.close();
  }

  async #lookAtRefusals(): Promise<void> {
    this.#coverage = coverageOf(await this.tracker.refusals(), this.#coverage.limits);
    this.#warn(`the kernel refuses a BPF program that it allowed before: ${coverageText(this.#coverage)}`);
  }

  #count({ live, closed, failed, bytesSent, bytesReceived }: Overflow): void {
    this.#overflow.otherLive = live;
    this.#overflow.otherClosed += closed;
    this.#overflow.otherFailed += failed;
    this.#overflow.otherBytesSent += bytesSent;
    this.#overflow.otherBytesReceived += bytesReceived;
  }
}

/** Names of metrics are fixed. */
function byMetric({ inferred, ...counters }: TrackerCounters): Readonly<Record<string, number>> {
  return { ...counters, madeUp: inferred };
}

interface KernelReader {
  readonly procRoot: string;
  readonly maxNamespaces: number;
  readonly listNamespaces: ListNamespaces;
}

interface Started {
  readonly sweepIntervalMs: number;
  readonly coverage: Coverage;
  readonly namespaces: NamespacePaths;
  readonly warn: (message: string) => void;
}

async function beginLedger(
  { procRoot, maxNamespaces }: KernelReader,
  all: readonly NetNamespace[],
): Promise<Ledger> {
  return new Ledger(await readKernelCounts(procRoot, all.slice(0, maxNamespaces)));
}

/** If namespaces can't be listed, nothing is compared: there are no counts of the kernel. */
async function readKernel(
  { procRoot, maxNamespaces, listNamespaces }: KernelReader,
  ledger: Ledger,
): Promise<Pick<Reading, 'alive' | 'kernel'> & { readonly all?: readonly NetNamespace[] }> {
  const all = await listNamespaces().catch(() => undefined);
  if (all === undefined) return { kernel: new Map() };
  const kernel = await readKernelCounts(procRoot, ledger.choose(all, maxNamespaces));
  return { all, alive: all.map(({ inode }) => inode), kernel };
}

/** As the tracker takes them. */
function namespacePaths(all: readonly NetNamespace[]): NamespacePaths {
  return {
    inodes: Float64Array.from(all, ({ inode }) => inode),
    paths: all.map(({ path }) => `${path}\0`).join(''),
    inhabited: Float64Array.from(
      all.filter(({ pid }) => pid !== 0),
      ({ inode }) => inode,
    ),
  };
}

/** The addon was compiled from record.h: other offsets would read wrong connections. */
function assertSameLayout(compiled: string): void {
  if (compiled === LAYOUT_DIGEST) return;
  throw new AddonUnavailableError(
    'NOT_LOADABLE',
    `the native addon has another layout of records (${compiled}) than this version reads (${LAYOUT_DIGEST}): run make build`,
  );
}
