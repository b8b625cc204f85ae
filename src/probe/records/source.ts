/**
 * What every source of connections offers: snapshots of flat records (see layout.ts), counters, close. A snapshot holds
 * each socket that closed since the last snapshot, and every live socket, each exactly once. On request it holds only live
 * sockets that are new or changed.
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

/** What a source saw, compared with the kernel's own counters; totals since the source was started. */
export interface Completeness {
  /** Ends of connections that the kernel counted: connects and accepted connections. */
  readonly opened: number;
  /** Those of them that the source did not see. */
  readonly missed: number;
  /** Established sockets that the source does not know, now: they had no fd holder when it was started. */
  readonly unknownEstablished: number;
  /** Where most was missed. */
  readonly namespaces: readonly NamespaceMissed[];
}

/** The overflow: ends of connections over the limits on records, counted without a record each. */
export interface OverflowCounts {
  /** Now. */
  readonly live: number;
  /** Since the last snapshot, like the fields below; traffic is counted when a connection ends. */
  readonly closed: number;
  /** Connects that ended without a handshake; not among the closed ones. */
  readonly failed: number;
  /** Payload bytes. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
}

export interface Overflow extends OverflowCounts {
  /** By inode of the network namespace: only namespaces with an overflow, the largest first. */
  readonly namespaces: readonly (OverflowCounts & { readonly netns: number })[];
}

/** By inode of the network namespace. */
export type UnreportedEnds = ReadonlyMap<number, { readonly active: number; readonly passive: number }>;

export interface SnapshotRequest {
  /** May defer the scan of live sockets: their bytes come with a later snapshot. */
  readonly mayDeferScan?: boolean;
  /** Leaves out live sockets that did not change since the last snapshot: for a caller that took all snapshots so far. */
  readonly changesOnly?: boolean;
  /**
   * Whether an earlier snapshot had a record of a live socket with these two ends. A source asks before it corrects a
   * record.
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
   * listeners that were closed, sockets that turned out to be another node's. Absent, or none, if `isWhole`. (A socket
   * with a record keeps it until it ends, and its end has one: none moves to `overflow`.)
   */
  readonly gone?: Int32Array;
  /** `recordCount` records of RECORD.bytes each, perhaps followed by unused memory. */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when the reading of live sockets began. */
  readonly takenAtNanos: number;
  /** Records known to be lost since the last snapshot. 0: all is in a record or in `overflow`. */
  readonly lost: number;
  /**
   * The records have every listener of their namespaces: an end is the client's if there is no listener at its port. Absent
   * if the source can't know.
   */
  readonly listenersListed?: boolean;
  /** Conntrack's flows; the records are resolved by them already. Absent if conntrack is not read. */
  readonly flows?: FlowBatch;
  /** By record of a client's end: the dialled `address:port`, where NAT leads elsewhere. Absent: nowhere. */
  readonly dialled?: ReadonlyMap<number, string>;
  /** What the source lacks now, besides programs: one line each, for people, with what to do. */
  readonly shortfalls?: readonly string[];
  /** Absent if the source has none. */
  readonly overflow?: Overflow;
  /** Sockets of other nodes on the same kernel, live or ended since the last snapshot. Absent if the source can't know. */
  readonly foreign?: number;
  /** Further fd holders of sockets. Absent if the source can't know. */
  readonly holders?: HolderBatch;
  /** Absent if the source can't know. */
  readonly completeness?: Completeness;
}

export interface ConnectionSource {
  readonly kind: SourceKind;
  /** What the kernel allowed of eBPF; absent without eBPF. */
  readonly coverage?: Coverage | undefined;
  /** Reads everything since the last call. Never two at once. Runs off the event loop where it blocks. */
  snapshot(request?: SnapshotRequest): Promise<Snapshot>;
  /** Monotonic counters by name, for metrics and `doctor`. */
  counters(): Readonly<Record<string, number>>;
  /**
   * Counts ends of connections as missed that snapshots had first and that came into no state. Absent if the source does not
   * compare with the kernel's counters.
   */
  unreported?(ends: UnreportedEnds): void;
  /** Something in the source is broken: it replaces its reader at the next snapshot. @param why in one line */
  distrust?(why: string): void;
  /** Detaches and frees everything; idempotent. */
  close(): Promise<void>;
}
