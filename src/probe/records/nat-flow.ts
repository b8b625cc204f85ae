/**
 * Translated flows as flat records: connection tracking writes them, and NAT is resolved by them. One record is one flow
 * in one network namespace, with the tuple of its originator (original) and that of its responder (reply).
 */

export const FLOW_BYTES = 80;

/** Byte offsets. Addresses are 16 bytes as in connection records, ports u16 in host byte order. Little endian. */
export const FLOW_OFFSET = {
  originalSource: 0,
  originalDestination: 16,
  replySource: 32,
  replyDestination: 48,
  originalSourcePort: 64,
  originalDestinationPort: 66,
  replySourcePort: 68,
  replyDestinationPort: 70,
  /** u32: inode of the network namespace whose connection tracking has the flow. */
  netns: 72,
  /* 76 … 79 reserved, zero */
} as const;

/** 32-bit and 16-bit words per flow. */
export const FLOW_WORDS = FLOW_BYTES / 4;
export const FLOW_HALVES = FLOW_BYTES / 2;

export interface FlowBatch {
  /** `flowCount` records of FLOW_BYTES each. */
  readonly flows: ArrayBuffer;
  readonly flowCount: number;
}

export const NO_FLOWS: FlowBatch = { flows: new ArrayBuffer(0), flowCount: 0 };
