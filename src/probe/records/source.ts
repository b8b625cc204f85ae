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

/** The overflow bucket: ends of connections beyond the bounds on records. They are counted, without a record each. */
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
  /** May defer the scan of live sockets: what these transferred comes with one of the next snapshots. */
  readonly thrifty?: boolean;
  /**
   * Leaves out live sockets that did not change since the last snapshot. Only for a caller that took all snapshots so
   * far: it has the others.
   */
  readonly changesOnly?: boolean;
  /**
   * Whether an earlier snapshot had a live socket with these two ends, as they were in its record. A source asks that may
   * have to correct an earlier record.
   */
  readonly isKnown?: (ends: SocketEnds) => boolean;
}

/** The addresses and ports of a socket's two ends. */
export interface SocketEnds {
  /** Local address, then remote address, four words each, as in records. */
  readonly words: Int32Array;
  /** Local port, remote port. */
  readonly ports: Uint16Array;
  /** Inode of the network namespace. */
  readonly netns: number;
}

export interface Snapshot {
  /** Every live socket is among the records: an earlier one that is missing has ended. */
  readonly isWhole: boolean;
  /**
   * Ids of sockets, two words each, that earlier snapshots had and that are gone without a record of their end:
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
   * The records have every listener of their namespaces: an end is a client's if nobody listens on its port. Absent where
   * the source can't know.
   */
  readonly listenersListed?: boolean;
  /** Flows of connection tracking; the records are resolved by them already. Absent where it is not read. */
  readonly flows?: FlowBatch;
  /** By record of a client's end: what was dialled (`address:port`), where NAT leads elsewhere. Absent: nothing else. */
  readonly dialled?: ReadonlyMap<number, string>;
  /** What the source lacks now, besides programs: one line each for people, with what to do. */
  readonly shortfalls?: readonly string[];
  /** The overflow bucket. Absent where the source has none. */
  readonly other?: OtherConnections;
  /**
   * Sockets of other nodes on the same kernel, live or ended since the last snapshot: nothing else here counts them.
   * Absent where the source can't know.
   */
  readonly foreign?: number;
  /** Holders of sockets that other processes use. Absent where the source can't know. */
  readonly holders?: HolderBatch;
  /** Absent where the source can't know. */
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
   * Ends of connections that snapshots reported first, and that came into no state: they are counted as missed. Absent where
   * nothing is held against the kernel's counters.
   */
  unreported?(ends: UnreportedEnds): void;
  /** Something in it is broken: what it reads with is replaced at the next snapshot. @param why in one line */
  distrust?(why: string): void;
  /** Detaches and frees everything; idempotent. */
  close(): Promise<void>;
}
