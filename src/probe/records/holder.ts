/**
 * A process that holds a socket which another one uses. Flat rows, laid out as `struct tp_holder` of native/bpf/record.h.
 */
export const HOLDER_BYTES = 24;
export const HOLDER_OFFSET = {
  /** u64: as in the socket's record. */
  socketId: 0,
  /** u64: as in records. */
  pidStartNanos: 8,
  /** u32: a process that holds the socket and is not its record's. */
  pid: 16,
  /** u8 */
  isListener: 20,
  /** u16: further holders of this socket that have no row; the same in all its rows. */
  more: 22,
} as const;

export interface HolderBatch {
  readonly holders: ArrayBuffer;
  readonly holderCount: number;
}

export const NO_HOLDERS: HolderBatch = { holders: new ArrayBuffer(0), holderCount: 0 };
