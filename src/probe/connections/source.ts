/**
 * What every source of connections offers: start, snapshots of flat records (see ../topology/record.ts), counters,
 * stop. A snapshot holds every socket live now and each that closed since the last snapshot, exactly once.
 */

import type { FlowBatch } from '../topology/nat-flow.js';

export type SourceKind = 'ebpf' | 'procfs';

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
