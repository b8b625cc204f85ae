/**
 * A flow of the kernel's connection tracking: the tuple its first packet had and the tuple that replies are expected
 * with. Where the two are not each other's reverse, addresses are translated.
 */

/** Places of the four ends in `addresses` and `ports`. */
export const FlowEnd = {
  OriginalSource: 0,
  OriginalDestination: 1,
  ReplySource: 2,
  ReplyDestination: 3,
} as const;

export const ADDRESS_BYTES = 16;
const ENDS = 4;

/** Bits of a flow's status (IPS_* of the kernel) that mean something here. */
export const FlowStatus = {
  SeenReply: 1 << 1,
  Assured: 1 << 2,
  Confirmed: 1 << 3,
  SourceNat: 1 << 4,
  DestinationNat: 1 << 5,
  Dying: 1 << 9,
  Offload: 1 << 14,
  HardwareOffload: 1 << 15,
} as const;

/** TCP states as connection tracking has them (`nf_conntrack_tcp.h`); -1 unknown. Not those of sockets. */
export const FlowTcpState = {
  Unknown: -1,
  None: 0,
  SynSent: 1,
  SynRecv: 2,
  Established: 3,
  FinWait: 4,
  CloseWait: 5,
  LastAck: 6,
  TimeWait: 7,
  Close: 8,
  SynSent2: 9,
} as const;

/** One flow, reused for the next: copy what is to be kept. Numbers that the source does not have are 0. */
export interface ConntrackFlow {
  /** The flow has ended. */
  destroyed: boolean;
  /** By `FlowEnd`: 16 bytes each in network order, IPv4 as IPv4-mapped. */
  readonly addresses: Uint8Array;
  /** By `FlowEnd`. */
  readonly ports: Uint16Array;
  /** Conntrack zone of the original and of the reply direction. */
  originalZone: number;
  replyZone: number;
  /** `FlowStatus` bits. */
  status: number;
  /** A `FlowTcpState`. */
  tcpState: number;
  /** The kernel's number for the flow; 0 where the source has none (text). Comes again after a while. */
  id: number;
  mark: number;
  /** Seconds until the flow is forgotten. */
  timeoutSeconds: number;
  /** Counters, where `net.netfilter.nf_conntrack_acct` is on. */
  originalPackets: number;
  originalBytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Unix milliseconds, where `net.netfilter.nf_conntrack_timestamp` is on. */
  startMillis: number;
  stopMillis: number;
}

export function emptyFlow(): ConntrackFlow {
  return {
    destroyed: false,
    addresses: new Uint8Array(ENDS * ADDRESS_BYTES),
    ports: new Uint16Array(ENDS),
    originalZone: 0,
    replyZone: 0,
    status: 0,
    tcpState: FlowTcpState.Unknown,
    id: 0,
    mark: 0,
    timeoutSeconds: 0,
    originalPackets: 0,
    originalBytes: 0,
    replyPackets: 0,
    replyBytes: 0,
    startMillis: 0,
    stopMillis: 0,
  };
}

/** Makes a used flow as good as new, but for its addresses and ports, which every reader writes. */
export function resetFlow(flow: ConntrackFlow): void {
  flow.destroyed = false;
  flow.originalZone = flow.replyZone = flow.status = flow.id = flow.mark = flow.timeoutSeconds = 0;
  flow.tcpState = FlowTcpState.Unknown;
  flow.originalPackets = flow.originalBytes = flow.replyPackets = flow.replyBytes = 0;
  flow.startMillis = flow.stopMillis = 0;
}

/** Whether two of a flow's ends (`FlowEnd`) are the same address and port. */
export function sameEnd({ addresses, ports }: ConntrackFlow, a: number, b: number): boolean {
  if (ports[a] !== ports[b]) return false;
  for (let i = 0; i < ADDRESS_BYTES; i++)
    if (addresses[a * ADDRESS_BYTES + i] !== addresses[b * ADDRESS_BYTES + i]) return false;
  return true;
}

/** `FlowStatus` bits SourceNat and DestinationNat as the flow's two tuples show them. */
export function natBitsOf(flow: ConntrackFlow): number {
  return (
    (sameEnd(flow, FlowEnd.OriginalSource, FlowEnd.ReplyDestination) ? 0 : FlowStatus.SourceNat) |
    (sameEnd(flow, FlowEnd.OriginalDestination, FlowEnd.ReplySource) ? 0 : FlowStatus.DestinationNat)
  );
}
