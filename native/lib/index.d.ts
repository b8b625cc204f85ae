/** Why eBPF can't be used. Stable: users look these up. */
export type EbpfUnavailableCode = 'NOT_BUILT' | 'NOT_LOADABLE' | 'NO_BTF' | 'NO_PERMISSION' | 'REFUSED';

export class EbpfUnavailableError extends Error {
  constructor(code: EbpfUnavailableCode, reason: string, cause?: unknown);
  readonly code: EbpfUnavailableCode;
}

/** One thing the probe could use of eBPF, tried for real by loading and attaching a do-nothing program. */
export interface Feature {
  /** `kprobe`, `fentry`, `tp_btf`, `iter/task_file`, `iter/bpf_sk_storage_map`, `ringbuf` */
  readonly name: string;
  readonly usable: boolean;
  /** errno of the refusal, 0 when usable */
  readonly errno: number;
  /** Why not; empty when usable. */
  readonly reason: string;
}

export interface TrackerOptions {
  /** Size of the ring of closed connections in bytes; a power of two. Default 4 MiB (about 30,000 records). */
  ringBytes?: number;
  /** Closed records kept between two snapshots; what comes on top is counted as lost. Default 262,144. */
  maxClosed?: number;
}

export interface TrackerSnapshot {
  /** `recordCount` records laid out as `recordLayout()` says: every live socket, then those closed since the last call. */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when reading began. */
  readonly takenAtNanos: number;
  /** Records lost since the last snapshot. */
  readonly lost: number;
}

/** Kernel-side totals since the tracker was loaded. */
export interface TrackerCounters {
  readonly connects: number;
  readonly openedActive: number;
  readonly openedPassive: number;
  readonly closed: number;
  readonly failed: number;
  readonly seeded: number;
  /** Closed records dropped because the ring was full. */
  readonly lostRing: number;
  /** Sockets not tracked because the kernel had no memory for their storage. */
  readonly lostStorage: number;
  /** Live records put off to the next pass because the ring was full (not lost). */
  readonly deferredRing: number;
  /** Closed records dropped because `maxClosed` was reached. */
  readonly droppedClosed: number;
  /** Live sockets known, listeners among them. */
  readonly live: number;
}

/**
 * The attached tracker. All methods run on the thread pool; calls on one tracker wait for each other.
 * They reject with an Error that carries `errno` when the kernel refuses.
 */
export interface Tracker {
  /** Walks all open files of all processes: adopts sockets older than the tracker and notes who holds each. */
  scanFiles(): Promise<void>;
  snapshot(): Promise<TrackerSnapshot>;
  counters(): Promise<TrackerCounters>;
  /** Detaches every program and frees every map; idempotent. */
  close(): Promise<void>;
}

/** Offsets of the record's fields as compiled, and `recordBytes`. @throws EbpfUnavailableError without the addon */
export function recordLayout(): Readonly<Record<string, number>>;

/** @throws EbpfUnavailableError without the addon */
export function probeFeatures(): Promise<Feature[]>;

/**
 * Loads and attaches the tracker.
 * @throws EbpfUnavailableError when it can't be had here, with the reason
 * @throws RangeError for options out of range
 */
export function loadTracker(options?: TrackerOptions): Promise<Tracker>;
