/**
 * The eBPF source: the kernel keeps one record per TCP socket and this reads them in bulk.
 *
 * What existed before it was loaded is adopted by a sweep over all open files, in the background: a state change that
 * the kernel reports meanwhile wins over what the sweep finds.
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
  OtherConnections,
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

/** What is told in detail, and how much of it may wait in the kernel. */
export interface EbpfBounds extends TrackerOptions {
  /** Namespaces held against the kernel's counters at each snapshot; of more of them each in its turn. Default 2,048. */
  readonly maxNamespaces?: number;
}

export interface EbpfSourceOptions extends EbpfBounds {
  /** The highest rung of the ladder that is tried. Default: the highest there is. */
  readonly rung?: Rung;
  /** Milliseconds between two sweeps over all open files, which find sockets that changed hands. Default 30,000. */
  readonly sweepIntervalMs?: number;
  readonly procRoot?: string;
  /** Finds the namespaces, once for each snapshot. Default: by looking at every process below `procRoot`. */
  readonly listNamespaces?: ListNamespaces;
  /** Told in one line when the kernel refuses a program late. */
  readonly warn?: (message: string) => void;
  /** Of the source that this one replaces: what neither of them saw is missed. */
  readonly ledger?: Ledger;
}

const DEFAULT_MAX_NAMESPACES = 2048;
const DEFAULT_SWEEP_INTERVAL_MS = 30_000;

export class EbpfSource implements ConnectionSource {
  readonly kind = 'ebpf';
  #counters: TrackerCounters | undefined;
  readonly #other = {
    otherClosed: 0,
    otherFailed: 0,
    otherBytesSent: 0,
    otherBytesReceived: 0,
    otherLive: 0,
  };
  readonly #sweeps: Sweeps;
  readonly #warn: (message: string) => void;
  #coverage: Coverage;
  #rounds = 0;
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
   * Loads and attaches the programs and starts to look for older sockets.
   * @throws AddonUnavailableError when the addon is not built, or was built from another record layout
   * @throws EbpfUnavailableError with the reason when the kernel does not allow eBPF here
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

  /** As of the last snapshot: a kernel can say no late. */
  get coverage(): Coverage {
    return this.#coverage;
  }

  /** Resolves when sockets older than this source are known. */
  async seeded(): Promise<void> {
    await this.#sweeps.first;
  }

  async snapshot({ thrifty = false, changesOnly = false }: SnapshotRequest = {}): Promise<
    Snapshot & { readonly completeness: Completeness }
  > {
    const { all, ...reading } = await readKernel(this.kernel, this.ledger);
    if (all !== undefined) this.#namespaces = namespacePaths(all);
    const { namespaces, namespaceCount, refused, visited, foreign, unsure, ...snapshot } =
      await this.tracker.snapshot({ thrifty, changesOnly, namespaces: this.#namespaces });
    if (visited) this.#rounds++;
    if (unsure) this.#sweeps.hurry();
    if (refused !== this.#coverage.blind.length) await this.#lookAtRefusals();
    this.#counters = await this.tracker.counters();
    const { seen, other } = readNamespaceCounts({ namespaces, namespaceCount });
    this.#count(other);
    this.#foreign = foreign;
    const completeness = this.ledger.reconcile({ ...reading, seen });
    // Connections that are older are found with, or after, the listeners of their namespace.
    const listenersListed = this.#sweeps.hasConfirmed;
    return { ...snapshot, foreign, listenersListed, other, holders: this.#sweeps.holders, completeness };
  }

  unreported(ends: UnreportedEnds): void {
    this.ledger.unreported(ends);
  }

  /** `otherLive` is as of now; `live`, `stored` and `foreign`, too. */
  counters(): Readonly<Record<string, number>> {
    return {
      ...this.#counters,
      ...this.#other,
      foreign: this.#foreign,
      visitRounds: this.#rounds,
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

  #count({ live, closed, failed, bytesSent, bytesReceived }: OtherConnections): void {
    this.#other.otherLive = live;
    this.#other.otherClosed += closed;
    this.#other.otherFailed += failed;
    this.#other.otherBytesSent += bytesSent;
    this.#other.otherBytesReceived += bytesReceived;
  }
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

/** When namespaces can't be listed nothing is looked at: a count that is not there is held against nothing. */
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

/** The addon was compiled from record.h; reading it with other offsets would show wrong connections. */
function assertSameLayout(compiled: string): void {
  if (compiled === LAYOUT_DIGEST) return;
  throw new AddonUnavailableError(
    'NOT_LOADABLE',
    `the native addon has another layout of records (${compiled}) than this version reads (${LAYOUT_DIGEST}): run make build`,
  );
}
