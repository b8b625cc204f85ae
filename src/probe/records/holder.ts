/**
 * Further fd holders: processes that hold a socket which another process uses. Flat rows, `struct tp_holder` of record.h.
 */
export interface HolderBatch {
  readonly holders: ArrayBuffer;
  readonly holderCount: number;
}

export const NO_HOLDERS: HolderBatch = { holders: new ArrayBuffer(0), holderCount: 0 };
