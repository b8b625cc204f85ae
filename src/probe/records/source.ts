/**
 * What every source of connections offers: start, snapshots of flat records (see layout.ts), counters,
 * stop. A snapshot holds each socket that closed since the last snapshot, and every socket live now or, where that is
 * asked for, those of them only that are new or changed; each exactly once.
 */

import type { Coverage } from './coverage.js';
import type { FlowBatch } from './nat-flow.js';
import type { HolderBatch } from './holder.js';

export type SourceKind = 'ebpf' | 'procfs';

export interface NamespaceMissed {
  /** Inode of the network namespace. */
  readonly netns: number;
  readonly opened: number;
  readonly missed: number;
}

/** What a source saw, held against the kernel's own counters; totals since the source was started. */
export interface Completeness {
  /** Ends of connections that the kernel counted: connects and accepted connections. */
  readonly opened: number;
  /** Those of them that the source did not see. */
  readonly missed: number;
  /** Established sockets that the source does not know, now: nobody held them when it was started. */
  readonly unknownEstablished: number;
  /** Where most was missed. */
  readonly namespaces: readonly NamespaceMissed[];
}

/** Ends of connections in one "other" group: counted, because they are beyond the bounds on what is told in detail. */
export interface OtherCounts {
  /** Now. */
  readonly live: number;
  /** Since the last snapshot, as what follows; traffic is counted when a connection ends. */
  readonly closed: number;
  /** Connects that ended without a handshake; not among the closed ones. */
  readonly failed: number;
  /** Payload bytes. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
}

export interface OtherConnections extends OtherCounts {
  /** Where, by inode of the network namespace: only those that have any, the most first. */
  readonly namespaces: readonly (OtherCounts & { readonly netns: number })[];
}

/** By inode of the network namespace. */
export type UnreportedEnds = ReadonlyMap<number, { readonly active: number; readonly passive: number }>;

export interface SnapshotRequest {
  /** What is costly may be spread out: what a live socket transferred may be told a few snapshots later. */
  readonly thrifty?: boolean;
  /**
   * Of live sockets those only that are new or changed since the last snapshot. Only if all snapshots so far were taken
   * in: else nobody knows what has changed.
   */
  readonly changesOnly?: boolean;
  /**
   * Whether a live socket with these two ends was handed over earlier, as its record had them then. For a source that may
   * have to change what it handed over.
   */
  readonly isKnown?: (ends: SocketEnds) => boolean;
}

/** What a socket has at its two ends. */
export interface SocketEnds {
  /** Local address, then remote address, four words each, as in records. */
  readonly words: Int32Array;
  /** Local port, remote port. */
  readonly ports: Uint16Array;
  /** Inode of the network namespace. */
  readonly netns: number;
}

export interface Snapshot {
  /** Every live socket is among the records: one that was handed over earlier and is not has ended. */
  readonly isWhole: boolean;
  /**
   * Ids of sockets, two words each, that were handed over earlier and are there no more, without a record that says so:
   * listeners that were closed, sockets that turned out to be another node's. Absent, or none, where `isWhole`. (A socket
   * in detail stays so until it ends, and its end has a record: none moves to `other`.)
   */
  readonly gone?: Int32Array;
  /** `recordCount` records of RECORD_BYTES each, and perhaps room for more. */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when the reading of live sockets began. */
  readonly takenAtNanos: number;
  /** Records the source knows it lost since the last snapshot. 0 means that all is in a record or in `other`. */
  readonly lost: number;
  /**
   * Every listener of the namespaces that the records are of is among them: whose port nobody listens on is a client's.
   * Absent where the source can't tell.
   */
  readonly listenersListed?: boolean;
  /** Flows of connection tracking, which the records have been looked through already; absent where it is not read. */
  readonly flows?: FlowBatch;
  /** By record of a client's end: what was dialled (`address:port`), where NAT leads elsewhere. Absent: nothing else. */
  readonly dialled?: ReadonlyMap<number, string>;
  /** What the source goes without now, besides programs: one line each for people, with what to do. */
  readonly shortfalls?: readonly string[];
  /** What no record tells of because there is no room for it. Absent where the source has no such group. */
  readonly other?: OtherConnections;
  /**
   * Sockets that are another node's on the same kernel, now or ended since the last snapshot: no record and nothing else
   * here tells of them. Absent where the source can't tell.
   */
  readonly foreign?: number;
  /** Processes that hold sockets which others use; absent where the source can't tell. */
  readonly holders?: HolderBatch;
  /** Absent where the source can't tell. */
  readonly completeness?: Completeness;
}

export interface ConnectionSource {
  readonly kind: SourceKind;
  /** What the kernel allowed of eBPF; absent where the source has no use for it. */
  readonly coverage?: Coverage | undefined;
  /** Reads everything since the last call. Never two at once. Runs off the event loop where it blocks. */
  snapshot(request?: SnapshotRequest): Promise<Snapshot>;
  /** Monotonic counters by name, for metrics and `doctor`. */
  counters(): Readonly<Record<string, number>>;
  /**
   * Ends of connections that snapshots told of first, and that came into no report: they are counted as missed. Absent where
   * nothing is held against the kernel's counters.
   */
  unreported?(ends: UnreportedEnds): void;
  /** Something in it is broken: what it reads with is replaced at the next snapshot. @param why in one line */
  distrust?(why: string): void;
  /** Detaches and frees everything; idempotent. */
  close(): Promise<void>;
}
