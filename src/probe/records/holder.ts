/** Processes that hold a socket which another one uses: flat rows, `struct tp_holder` of native/bpf/record.h. */
export interface HolderBatch {
  readonly holders: ArrayBuffer;
  readonly holderCount: number;
}

export const NO_HOLDERS: HolderBatch = { holders: new ArrayBuffer(0), holderCount: 0 };
