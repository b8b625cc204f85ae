/**
 * The eBPF source: the kernel keeps one record per TCP socket and this reads them in bulk.
 *
 * What existed before it was loaded is adopted by a scan of all open files, in the background: a state change that
 * the kernel reports meanwhile wins over what the scan finds.
 */
import {
  EbpfUnavailableError,
  loadTracker,
  recordLayout,
  type Tracker,
  type TrackerCounters,
} from 'ebpf-bridge';
import { OFFSET, RECORD_BYTES } from '../../topology/record.js';
import type { Completeness, ConnectionSource, Snapshot } from '../source.js';
import { readKernelCounts, type TcpCounts } from './kernel-counters.js';
import { Ledger } from './ledger.js';

export interface EbpfSourceOptions {
  /** Ring of closed connections, bytes, a power of two. Default 4 MiB. */
  readonly ringBytes?: number;
  /** Closed records kept between two snapshots. Default 262,144. */
  readonly maxClosed?: number;
  readonly procRoot?: string;
  /** Of the source that this one replaces: what neither of them saw is missed. */
  readonly ledger?: Ledger;
}

/** Namespaces held against the kernel's counters at each snapshot. */
const MAX_NAMESPACES = 2048;

export class EbpfSource implements ConnectionSource {
  readonly kind = 'ebpf';
  #counters: TrackerCounters | undefined;
  readonly #scan: Promise<void>;

  private constructor(
    private readonly tracker: Tracker,
    readonly ledger: Ledger,
    private readonly procRoot: string,
  ) {
    this.#scan = tracker.scanFiles();
    // The failure is reported by whoever waits for the scan; until then it must not count as unhandled.
    this.#scan.catch(() => undefined);
  }

  /**
   * Loads and attaches the programs and starts the scan for older sockets.
   * @throws EbpfUnavailableError with the reason when eBPF can't be had here
   */
  static async start(options: EbpfSourceOptions = {}): Promise<EbpfSource> {
    const { procRoot = '/proc', ledger, ...trackerOptions } = options;
    assertSameLayout(recordLayout());
    const tracker = await loadTracker(trackerOptions);
    ledger?.trackerReplaced();
    const accounts = ledger ?? new Ledger(await readKernelCounts(procRoot, MAX_NAMESPACES));
    return new EbpfSource(tracker, accounts, procRoot);
  }

  /** Resolves when the scan for sockets older than this source is done. */
  async seeded(): Promise<void> {
    await this.#scan;
  }

  async snapshot(): Promise<Snapshot & { readonly completeness: Completeness }> {
    const kernel = await readKernelCounts(this.procRoot, MAX_NAMESPACES);
    const { namespaces, ...snapshot } = await this.tracker.snapshot();
    this.#counters = await this.tracker.counters();
    return { ...snapshot, completeness: this.ledger.reconcile(kernel, countsOf(namespaces)) };
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  async close(): Promise<void> {
    await this.#scan.catch(() => undefined);
    await this.tracker.close();
  }
}

/** Reads what `TrackerSnapshot.namespaces` says. */
function countsOf(namespaces: Float64Array): Map<number, TcpCounts> {
  const counts = new Map<number, TcpCounts>();
  for (let at = 0; at < namespaces.length; at += 4) {
    const [netns = 0, active = 0, passive = 0, established = 0] = namespaces.subarray(at, at + 4);
    counts.set(netns, { active, passive, established });
  }
  return counts;
}

/** The addon was compiled from record.h; reading it with other offsets would show wrong connections. */
function assertSameLayout(compiled: Readonly<Record<string, number>>): void {
  const expected: Record<string, number> = { recordBytes: RECORD_BYTES, ...OFFSET };
  for (const [field, offset] of Object.entries(expected)) {
    if (compiled[field] !== offset) {
      throw new EbpfUnavailableError(
        'NOT_LOADABLE',
        `the native addon has field ${field} at ${compiled[field] ?? 'no offset'}, this version expects ${offset}: run make build`,
      );
    }
  }
}
