/** What a source of connections has to tell since the last time, and what taking it in amounts to. */
import type { RecordBatch } from '../records/record-view.js';

/** What a source has to tell since the last time. */
export interface RecordNews extends RecordBatch {
  /** Every live socket and listener is among the records: which is not there any more has ended. */
  readonly isWhole: boolean;
  /** Ids of sockets, two words each, that are not there any more though no record says so. Absent: none. */
  readonly gone?: Int32Array | undefined;
  /** The source was begun just now: what it has without a beginning is older. */
  readonly isFirst: boolean;
  readonly listenersListed: boolean;
  /** By record: what was dialled (`address:port`), where NAT put another end in its place. */
  readonly dialled?: ReadonlyMap<number, string> | undefined;
  /** Addresses that several network namespaces of this host have, four words each. */
  readonly sharedAddresses?: readonly Int32Array[] | undefined;
  /**
   * Only what is known already is completed: the records were taken later than the time that the report is about.
   */
  readonly isCompletion?: boolean;
}

export interface TakenCounts {
  /** Established connections that the news were about: that began, ended or live. */
  readonly connections: number;
  readonly failed: number;
  readonly listeners: number;
}
