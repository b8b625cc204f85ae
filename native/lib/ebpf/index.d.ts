export { AddonUnavailableError, type AddonUnavailableCode } from '../errors.js';

/** Why eBPF can't be used although the addon is there. Stable: users look these up. */
export type EbpfUnavailableCode = 'NO_BTF' | 'NO_PERMISSION' | 'REFUSED';

export class EbpfUnavailableError extends Error {
  constructor(code: EbpfUnavailableCode, reason: string, cause?: unknown);
  readonly code: EbpfUnavailableCode;
}

/** Why the kernel's own types (BTF), which every BPF program here needs, can't be had, and what to do; undefined when they can. */
export function whyNoBtf(): string | undefined;

/** One thing the probe could use of eBPF, tried for real by loading and attaching a do-nothing program. */
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
   * Sockets in detail: live ones and those closed since the last snapshot. The kernel has records of as many live
   * ones; that bound is looked at with each snapshot. What comes on top is counted, see `namespaces`. Default 500,000.
   */
  maxConnections?: number;
  /** Of them in one network namespace, so that a busy one leaves room for the others. Default 400,000. */
  maxConnectionsPerNetns?: number;
  /** Visits of one thrifty snapshot may take this share of the time since the last one. Above 0; default 1. */
  visitShare?: number;
  /** They may take this much processor time, if that is more. Default 0. */
  cheapVisitNanos?: number;
  /** Whose PIDs are told. Default `/proc`. */
  procRoot?: string;
  /** Programs that are not to be used, as if the kernel refused them. Default: none. */
  without?: readonly OptionalProgram[];
}

/** What the tracker can do without; what each is for is told in tracker.bpf.c. */
export type OptionalProgram =
  | 'visit_files'
  | 'visit_namespace'
  | 'confirm_holders'
  | 'tell_holders'
  | 'on_read'
  | 'on_mptcp_send'
  | 'on_destroy';

export const OPTIONAL_PROGRAMS: readonly OptionalProgram[];

/** A program that is not there, and why. */
export interface Refusal {
  readonly program: OptionalProgram;
  /** What it would be attached to: `iter/tcp` … */
  readonly section: string;
  /** At which step the kernel refused; `off`: it was not to be used. */
  readonly step: 'load' | 'attach' | 'start' | 'off';
  /** 0 when it was not to be used. */
  readonly errno: number;
  /** The step, and the kernel's answer to it. */
  readonly reason: string;
}

/** Network namespaces, and files that lead to them. */
export interface NamespacePaths {
  readonly inodes: Float64Array;
  /** In the same order, each ended by a NUL. */
  readonly paths: string;
  /** Those of them that a process is in. */
  readonly inhabited: Float64Array;
}

/** The PID namespace that a mounted /proc belongs to. A process outside of it has no PID in any record. */
export interface PidNamespace {
  /** 0: the outermost. */
  readonly inode: number;
  /** False: which one it is could not be found out, and no process has a PID. */
  readonly isKnown: boolean;
  /** Whether sweeps come by all open files of its processes, and by those of all processes there are. */
  readonly hasOwnFiles: boolean;
  readonly hasAllFiles: boolean;
}

export interface SnapshotRequest {
  /**
   * Visits to live sockets, which take the kernel about a microsecond each, may be spread over several snapshots when there
   * are very many: what live ones transferred is told later then. What began, ended or changed is always told. Default:
   * false.
   */
  thrifty?: boolean;
  /** They are entered for sockets that no file belongs to. Default: only the caller's own is gone through. */
  namespaces?: NamespacePaths;
  /**
   * Of live sockets those only that are new or changed since the last snapshot, counters too. The caller has taken in
   * all snapshots so far. Default: false.
   */
  changesOnly?: boolean;
}

export interface TrackerSnapshot {
  /**
   * Every live socket is among the records: whichever was handed over earlier and is not has ended. Always true of the
   * first snapshot and without `changesOnly`; else of one after which more than the records have changed.
   */
  readonly isWhole: boolean;
  /**
   * Ids of sockets, two words each, that were handed over earlier and are there no more, and of which the records do not
   * say so: listeners that were closed, sockets that turned out to be `foreign`. None where `isWhole`.
   */
  readonly gone: Int32Array;
  /** A round of visits to all live sockets has ended; false when it goes on in the next snapshot. */
  readonly visited: boolean;
  /**
   * `recordCount` times `struct tp_record` of record.h: live sockets, each once, then those closed since the last call,
   * then connects that have waited for an answer for a second (state SYN_SENT; the same ones again each time). What
   * comes after them in this memory means nothing.
   */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when reading began. */
  readonly takenAtNanos: number;
  /**
   * Sockets that have no record here, now or ended since the last snapshot, because neither their process nor their network
   * namespace (of those in the request) is of the PID namespace of `procRoot`.
   */
  readonly foreign: number;
  /** Records lost since the last snapshot. */
  readonly lost: number;
  /**
   * There is an accepted connection of which no process has done anything since an earlier snapshot, so that it is told as
   * its listener's: a sweep may find another.
   */
  readonly unsure: boolean;
  /** How many programs are not there: see `refusals()`. */
  readonly refused: number;
  /**
   * `namespaceCount` times `struct tp_namespace` of record.h: one row for each network namespace that has something to
   * report. Namespaces beyond the first 16,384 are summed up in the row of inode 0.
   */
  readonly namespaces: ArrayBuffer;
  readonly namespaceCount: number;
}

/** Sockets with more than one holder. */
export interface FoundHolders {
  /**
   * `holderCount` times `struct tp_holder` of record.h: processes that hold a socket which another process uses, by
   * socket and PID.
   */
  readonly holders: ArrayBuffer;
  readonly holderCount: number;
  /** Further holders, of sockets for which there was no room. */
  readonly dropped: number;
  /** Processor time that the sweep took, both halves. */
  readonly cpuNanos: number;
}

/** Totals since the tracker was loaded. */
export interface TrackerCounters {
  /** Of those told of: connects, the pending and failed ones among them. */
  readonly connects: number;
  /** Connections accepted. */
  readonly accepted: number;
  /** Connections that ended. */
  readonly closed: number;
  /** Connects that failed. */
  readonly failed: number;
  /** Connects, now. */
  readonly pending: number;
  /** Sockets that were there before. */
  readonly seeded: number;
  /** Closed records dropped because the ring was full. */
  readonly lostRing: number;
  /** Sockets the kernel has no record of, because there are too many or for want of memory: counted, not lost. */
  readonly untracked: number;
  /** State changes that the kernel did not tell of (it does not run a program inside itself), found out afterwards. */
  readonly madeUp: number;
  /** News of live sockets put off because the ring was full (not lost). */
  readonly deferredRing: number;
  /** Live sockets in detail, listeners among them. */
  readonly live: number;
  /** Sockets that have a record in the kernel, as of the last snapshot. */
  readonly stored: number;
}

/**
 * The attached tracker. All methods run on the thread pool; snapshots wait for each other, the halves of a sweep do.
 * They reject with an Error that carries `errno` when the kernel refuses.
 */
export interface Tracker {
  /**
   * The first half of a sweep over all open files of all processes: adopts sockets older than the tracker, which the next
   * snapshot has, and confirms which processes still hold theirs. Only the other half and `close` wait for it.
   */
  confirmHolders(namespaces?: NamespacePaths): Promise<void>;
  /**
   * The second half: gives sockets that their process did not hold any more in the last first half to one that does, and
   * tells who else holds a socket.
   */
  tellHolders(): Promise<FoundHolders>;
  /** @throws Error (errno ENOLINK) when the programs are not attached any more: close it and load another */
  snapshot(request?: SnapshotRequest): Promise<TrackerSnapshot>;
  counters(): Promise<TrackerCounters>;
  /** Programs that the kernel refused, so far, or that were not to be used. */
  refusals(): Promise<Refusal[]>;
  /** Where PIDs are told: the namespace of `procRoot`. */
  pidNamespace(): PidNamespace;
  /** Detaches every program and frees every map; idempotent. */
  close(): Promise<void>;
}

/**
 * Of the numbers of record.h that the addon was compiled with: `LAYOUT_DIGEST` of the generated layout must be the same.
 * @throws AddonUnavailableError without the addon
 */
export function recordLayoutDigest(): string;

/** @throws AddonUnavailableError without the addon */
export function probeFeatures(): Promise<Feature[]>;

/**
 * Loads and attaches the tracker.
 * @throws AddonUnavailableError without the addon
 * @throws EbpfUnavailableError when the kernel does not allow it here, with the reason
 * @throws RangeError for options out of range
 */
export function loadTracker(options?: TrackerOptions): Promise<Tracker>;
