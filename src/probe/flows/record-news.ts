/** News of a source of connections, and the counts of taking them in. */
import type { RecordBatch } from '../records/record-view.js';

/** A source's news since the last time. */
export interface RecordNews extends RecordBatch {
  /** Every live socket and listener is among the records: a missing one has ended. */
  readonly isWhole: boolean;
  /** Ids, two words each, of sockets that are gone without a closed record. Absent: none. */
  readonly gone?: Int32Array | undefined;
  /** The source has just begun: sockets without a beginning are older. */
  readonly isFirst: boolean;
  readonly listenersListed: boolean;
  /** By record: the dialled `address:port`, if NAT leads elsewhere. */
  readonly dialled?: ReadonlyMap<number, string> | undefined;
  /** Addresses that several network namespaces of this host have, four words each. */
  readonly sharedAddresses?: readonly Int32Array[] | undefined;
  /** Completes known connections only: the records were taken after the report's time. */
  readonly isCompletion?: boolean;
}

export interface TakenCounts {
  /** Established connections in the news: that began, ended or live. */
  readonly connections: number;
  readonly failed: number;
  readonly listeners: number;
}
