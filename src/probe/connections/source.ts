/**
 * What every source of connections offers: start, snapshots of flat records (see ../topology/record.ts), counters,
 * stop. A snapshot holds every socket live now and each that closed since the last snapshot, exactly once.
 */

import type { FlowBatch } from '../topology/nat-flow.js';

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

export interface Snapshot {
  /** `recordCount` records of RECORD_BYTES each. */
  readonly records: ArrayBuffer;
  readonly recordCount: number;
  /** CLOCK_MONOTONIC nanoseconds when the reading of live sockets began. */
  readonly takenAtNanos: number;
  /** Records the source knows it lost since the last snapshot. 0 means the picture is complete. */
  readonly lost: number;
  /** Flows of connection tracking, which the records have been looked through already; absent where it is not read. */
  readonly flows?: FlowBatch;
  /** Absent where the source can't tell. */
  readonly completeness?: Completeness;
}

export interface ConnectionSource {
  readonly kind: SourceKind;
  /** Reads everything since the last call. Never two at once. Runs off the event loop where it blocks. */
  snapshot(): Promise<Snapshot>;
  /** Monotonic counters by name, for metrics and `doctor`. */
  counters(): Readonly<Record<string, number>>;
  /** Detaches and frees everything; idempotent. */
  close(): Promise<void>;
}
