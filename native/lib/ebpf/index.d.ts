export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

/** Why eBPF can't be used although the addon is there. Stable: users look these up. */
export type EbpfUnavailableCode = 'NO_BTF' | 'NO_PERMISSION' | 'REFUSED';

export class EbpfUnavailableError extends Error {
  constructor(code: EbpfUnavailableCode, reason: string, cause?: unknown);
  readonly code: EbpfUnavailableCode;
}

/**
 * Why the kernel's types (BTF), which every BPF program here needs, can't be read, and what to do; undefined if they can.
 */
export function whyNoBtf(): string | undefined;

/** A feature of eBPF that the probe could use, tried by loading and attaching a do-nothing program. */
export interface Feature {
  /** `kprobe`, `fentry`, `tp_btf`, `iter/task_file`, `iter/tcp`, `iter/bpf_sk_storage_map`, `ringbuf` */
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
  /**
   * Sockets with a record: live ones and those closed since the last snapshot. The kernel keeps records of as many live
   * sockets; each snapshot checks that bound. Sockets over the limit are counted, see `namespaces`. Default 500,000.
   */
  maxConnections?: number;
  /** Of them in one network namespace, so that a busy one leaves room for the others. Default 400,000. */
  maxConnectionsPerNetns?: number;
  /**
   * The scan of a snapshot that may defer it takes at most this share of the time since the last one. Above 0; default 1.
   */
  scanShare?: number;
  /** It may take this much processor time, if that is more: so cheap a scan is never deferred. Default 0. */
  cheapScanNanos?: number;
  /** The /proc whose PIDs are reported. Default `/proc`. */
  procRoot?: string;
  /** Programs not to be used, as if the kernel refused them. Default: none. */
  without?: readonly OptionalProgram[];
}

/** Programs that the tracker can do without; tracker.bpf.c describes them. */
export type OptionalProgram =
  | 'scan_files'
  | 'scan_namespace'
  | 'sweep_adopt'
  | 'sweep_holders'
  | 'on_read'
  | 'on_mptcp_send'
  | 'on_destroy';

export const OPTIONAL_PROGRAMS: readonly OptionalProgram[];

/** A missing program, and why. */
export interface Refusal {
  readonly program: OptionalProgram;
  /** Its attach point: `iter/tcp` … */
  readonly section: string;
  /** The step that the kernel refused; `off`: not to be used. */
  readonly step: 'load' | 'attach' | 'start' | 'off';
  /** 0 if `step` is `off`. */
  readonly errno: number;
  /** The step, and the kernel's answer to it. */
  readonly reason: string;
}

/** Network namespaces, and files that lead to them. */
export interface NamespacePaths {
  readonly inodes: Float64Array;
  /** In the same order, each ended by a NUL. */
  readonly paths: string;
  /** Those of them with a process. */
  readonly inhabited: Float64Array;
}

/** The PID namespace that a mounted /proc belongs to. Records have no PID for processes outside of it. */
export interface PidNamespace {
  /** 0: the outermost. */
  readonly inode: number;
  /** False: the namespace is unknown, and no process has a PID. */
  readonly isKnown: boolean;
  /** Whether sweeps reach all open files of its processes, and all open files of the machine. */
  readonly hasOwnFiles: boolean;
  readonly hasAllFiles: boolean;
}

export interface SnapshotRequest {
  /**
   * May defer the scan of live sockets: the scan takes about a microsecond per socket. With very many sockets their bytes
   * come with a later snapshot. Sockets that began, ended or changed are always reported. Default: false.
   */
  mayDeferScan?: boolean;
  /** They are entered for sockets without a file. Default: only the caller's own is scanned. */
  namespaces?: NamespacePaths;
  /**
   * Only live sockets that are new or changed since the last snapshot, in counters too. For a caller that has taken all
   * snapshots so far. Default: false.
   */
  changesOnly?: boolean;
}

export interface TrackerSnapshot {
  /**
   * Every live socket is among the records: an earlier one that is missing has ended. Always true of the first snapshot and
   * without `changesOnly`. With it, true if more than single records changed.
   */
  readonly isWhole: boolean;
  /**
   * Ids, two words each, of sockets that were handed over earlier and are gone without a closed record: listeners that were
   * closed, sockets that turned out to be `foreign`. None if `isWhole`.
   */
  readonly gone: Int32Array;
  /** A round of scans of all live sockets has ended; false: it goes on in the next snapshot. */
  readonly scanned: boolean;
  /**
   * `recordCount` times `struct tp_record` of record.h: live sockets, each once; then sockets closed since the last call;
   * then connects that have waited for an answer for a second (state SYN_SENT; the same ones in each snapshot). The memory
   * after them is unused.
   */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when reading began. */
  readonly takenAtNanos: number;
  /**
   * Sockets without a record, live or ended since the last snapshot, because neither their process nor their network
   * namespace (of those in the request) belongs to the PID namespace of `procRoot`.
   */
  readonly foreign: number;
  /** Records lost since the last snapshot. */
  readonly lost: number;
  /**
   * No process has used some accepted connection since an earlier snapshot, so its record has the listener's process: a
   * sweep may find another.
   */
  readonly unsure: boolean;
  /** How many programs are missing: see `refusals()`. */
  readonly refused: number;
  /**
   * `namespaceCount` times `struct tp_namespace` of record.h: one row for each network namespace with counts. Namespaces
   * beyond the first 16,384 are summed up in the row of inode 0.
   */
  readonly namespaces: ArrayBuffer;
  readonly namespaceCount: number;
}

/** Sockets with more than one holder. */
export interface FoundHolders {
  /** `holderCount` times `struct tp_holder` of record.h: further fd holders, by socket and PID. */
  readonly holders: ArrayBuffer;
  readonly holderCount: number;
  /** Holders of sockets beyond the limit. */
  readonly dropped: number;
  /** Processor time of the sweep, both halves. */
  readonly cpuNanos: number;
}

/** Totals since the tracker was loaded. */
export interface TrackerCounters {
  /** Connects, with pending and failed ones. */
  readonly connects: number;
  /** Connections accepted. */
  readonly accepted: number;
  /** Connections that ended. */
  readonly closed: number;
  /** Connects that failed. */
  readonly failed: number;
  /** Pending connects, now. */
  readonly pending: number;
  /** Sockets older than the tracker. */
  readonly seeded: number;
  /** Closed records dropped because the ring was full. */
  readonly lostRing: number;
  /** Sockets without a record in the kernel, as there are too many or no memory: counted, not lost. */
  readonly untracked: number;
  /** State changes that no event reported (the kernel does not run a program inside itself), inferred afterwards. */
  readonly inferred: number;
  /** News of live sockets deferred because the ring was full (not lost). */
  readonly deferredRing: number;
  /** Live sockets with a record, with listeners. */
  readonly live: number;
  /** Sockets with a record in the kernel, as of the last snapshot. */
  readonly stored: number;
}

/**
 * The attached tracker. All methods run on the thread pool. Snapshots wait for each other, as do the halves of a sweep.
 * They reject with an Error that carries `errno` if the kernel refuses.
 */
export interface Tracker {
  /**
   * The first half of a sweep over all open files of all processes: adopts sockets older than the tracker, for the next
   * snapshot, and confirms which processes still hold theirs. Only the other half and `close` wait for it.
   */
  sweepAdopt(namespaces?: NamespacePaths): Promise<void>;
  /**
   * The second half: moves each socket whose process the first half did not confirm to another fd holder, and returns the
   * further fd holders of all sockets.
   */
  sweepHolders(): Promise<FoundHolders>;
  /** @throws Error (errno ENOLINK) if the programs are not attached any more: close it and load another */
  snapshot(request?: SnapshotRequest): Promise<TrackerSnapshot>;
  counters(): Promise<TrackerCounters>;
  /** Programs that the kernel has refused so far, or that are not to be used. */
  refusals(): Promise<Refusal[]>;
  /** The namespace whose PIDs are reported: that of `procRoot`. */
  pidNamespace(): PidNamespace;
  /** Detaches every program and frees every map; idempotent. */
  close(): Promise<void>;
}

/**
 * Digest of the record.h that the addon was compiled with. `LAYOUT_DIGEST` of the generated layout must be the same.
 * @throws AddonUnavailableError without the addon
 */
export function recordLayoutDigest(): string;

/** @throws AddonUnavailableError without the addon */
export function probeFeatures(): Promise<Feature[]>;

/**
 * Loads and attaches the tracker.
 * @throws AddonUnavailableError without the addon
 * @throws EbpfUnavailableError with the reason if the kernel does not allow it here
 * @throws RangeError for options out of range
 */
export function loadTracker(options?: TrackerOptions): Promise<Tracker>;
