/**
 * Reads flows out of ctnetlink messages, as they come from a NETLINK_NETFILTER socket: answers to a dump, and events.
 *
 * A buffer holds whole messages: `nlmsghdr`, then `nfgenmsg`, then attributes (`nfnetlink_conntrack.h`).
 */
import { Attributes, readMessages, viewOf, type AnswerState, type Attempt } from '../netlink/index.js';
import { ADDRESS_BYTES, emptyFlow, FlowEnd, FlowTcpState, resetFlow, type ConntrackFlow } from './flow.js';

const NETFILTER_HEADER = 4;
const CTNETLINK = 1;
const MESSAGE = { New: 0, Delete: 2 } as const;
const CTA = {
  TupleOriginal: 1,
  TupleReply: 2,
  Status: 3,
  ProtocolInfo: 4,
  Timeout: 7,
  Mark: 8,
  CountersOriginal: 9,
  CountersReply: 10,
  Id: 12,
  Zone: 18,
  Timestamp: 20,
} as const;
const TUPLE = { Ip: 1, Protocol: 2, Zone: 3 } as const;
const IP = { V4Source: 1, V4Destination: 2, V6Source: 3, V6Destination: 4 } as const;
const PROTOCOL = { Number: 1, SourcePort: 2, DestinationPort: 3 } as const;
const COUNTERS = { Packets: 1, Bytes: 2 } as const;
const TIMESTAMP = { Start: 1, Stop: 2 } as const;
const PROTOCOL_INFO_TCP = 1;
const TCP_STATE = 1;
const IPPROTO_TCP = 6;
const AF_INET6 = 10;
const NANOS_PER_MILLI = 1e6;

/** For the text of errors. */
export const LIST_FLOWS: Attempt = {
  attempted: 'list flows of connection tracking',
  advice: 'it needs CAP_NET_ADMIN and nf_conntrack_netlink; where messages are damaged, dump again',
};

export interface MessageCounts extends AnswerState {
  /** Messages about TCP flows that were handed on. */
  flows: number;
  /** Flows of other protocols, passed over. */
  otherProtocols: number;
  /** Messages that are no flow of a known form, passed over. */
  malformed: number;
}

/**
 * Calls `onFlow` for each TCP flow in the messages. The flow is reused for the next one.
 * @throws NetlinkError BAD_FRAMING when the messages' lengths contradict each other, REFUSED when the kernel answers with an
 * error; flows before that have been handed on
 */
export function readConntrackMessages(
  bytes: Uint8Array,
  onFlow: (flow: ConntrackFlow) => void,
): MessageCounts {
  const counts = { flows: 0, otherProtocols: 0, malformed: 0 };
  const view = viewOf(bytes);
  const reader = new FlowReader(bytes, view);
  const state = readMessages(view, LIST_FLOWS, (type, from, to) => {
    reader.readMessage(type, from, to, counts, onFlow);
  });
  return { ...counts, ...state };
}

type FlowCounts = Omit<MessageCounts, keyof AnswerState>;

class FlowReader {
  readonly #flow = emptyFlow();
  readonly #message: Attributes;
  readonly #nested: Attributes;
  readonly #inner: Attributes;

  constructor(
    private readonly bytes: Uint8Array,
    view: DataView,
  ) {
    this.#message = new Attributes(CTA.Timestamp, view);
    this.#nested = new Attributes(TUPLE.Zone, view);
    this.#inner = new Attributes(IP.V6Destination, view);
  }

  readMessage(
    type: number,
    from: number,
    to: number,
    counts: FlowCounts,
    onFlow: (flow: ConntrackFlow) => void,
  ): void {
    const what = type & 0xff;
    const isFlow = type >> 8 === CTNETLINK && (what === MESSAGE.New || what === MESSAGE.Delete);
    const attributes = from + NETFILTER_HEADER;
    if (!isFlow || attributes > to || !this.#message.read(attributes, to)) {
      counts.malformed++;
      return;
    }
    const flow = this.#flow;
    resetFlow(flow);
    flow.destroyed = what === MESSAGE.Delete;
    const isIpv6 = this.bytes[from] === AF_INET6;
    const protocol = this.#readTuple(CTA.TupleOriginal, FlowEnd.OriginalSource, isIpv6);
    if (protocol > 0 && protocol !== IPPROTO_TCP) {
      counts.otherProtocols++;
      return;
    }
    if (protocol < 0 || this.#readTuple(CTA.TupleReply, FlowEnd.ReplySource, isIpv6) !== IPPROTO_TCP) {
      counts.malformed++;
      return;
    }
    this.#readRest();
    counts.flows++;
    onFlow(flow);
  }

  /** The tuple's protocol number; -1 when it is malformed. Ports and addresses are read for TCP only. */
  #readTuple(type: number, source: number, isIpv6: boolean): number {
    const [tuple, inner, flow] = [this.#nested, this.#inner, this.#flow];
    if (!tuple.readNested(this.#message, type) || !inner.readNested(tuple, TUPLE.Protocol)) return -1;
    const protocol = inner.u8(PROTOCOL.Number);
    if (protocol !== IPPROTO_TCP) return inner.has(PROTOCOL.Number) ? protocol : -1;
    if (inner.offsetOf(PROTOCOL.SourcePort, 2) < 0 || inner.offsetOf(PROTOCOL.DestinationPort, 2) < 0)
      return -1;
    flow.ports[source] = inner.u16(PROTOCOL.SourcePort);
    flow.ports[source + 1] = inner.u16(PROTOCOL.DestinationPort);
    const zone = tuple.u16(TUPLE.Zone);
    if (source === FlowEnd.OriginalSource) flow.originalZone = zone;
    else flow.replyZone = zone;
    const [from, to] = isIpv6 ? [IP.V6Source, IP.V6Destination] : [IP.V4Source, IP.V4Destination];
    if (!inner.readNested(tuple, TUPLE.Ip)) return -1;
    return this.#copyAddress(from, source, isIpv6) && this.#copyAddress(to, source + 1, isIpv6)
      ? protocol
      : -1;
  }

  #copyAddress(type: number, end: number, isIpv6: boolean): boolean {
    const { addresses } = this.#flow;
    const size = isIpv6 ? ADDRESS_BYTES : 4;
    const from = this.#inner.offsetOf(type, size);
    if (from < 0) return false;
    const at = end * ADDRESS_BYTES;
    addresses.fill(0, at, at + 10);
    addresses.fill(0xff, at + 10, at + 12);
    for (let i = 0; i < size; i++) addresses[at + ADDRESS_BYTES - size + i] = this.bytes[from + i]!;
    return true;
  }

  #readRest(): void {
    const [message, nested, inner, flow] = [this.#message, this.#nested, this.#inner, this.#flow];
    flow.status = message.u32(CTA.Status);
    flow.timeoutSeconds = message.u32(CTA.Timeout);
    flow.mark = message.u32(CTA.Mark);
    flow.id = message.u32(CTA.Id);
    if (message.has(CTA.Zone)) flow.originalZone = flow.replyZone = message.u16(CTA.Zone);
    if (nested.readNested(message, CTA.CountersOriginal)) {
      flow.originalPackets = nested.u64(COUNTERS.Packets);
      flow.originalBytes = nested.u64(COUNTERS.Bytes);
    }
    if (nested.readNested(message, CTA.CountersReply)) {
      flow.replyPackets = nested.u64(COUNTERS.Packets);
      flow.replyBytes = nested.u64(COUNTERS.Bytes);
    }
    if (nested.readNested(message, CTA.Timestamp)) {
      flow.startMillis = Math.floor(nested.u64(TIMESTAMP.Start) / NANOS_PER_MILLI);
      flow.stopMillis = Math.floor(nested.u64(TIMESTAMP.Stop) / NANOS_PER_MILLI);
    }
    if (nested.readNested(message, CTA.ProtocolInfo) && inner.readNested(nested, PROTOCOL_INFO_TCP))
      flow.tcpState = inner.has(TCP_STATE) ? inner.u8(TCP_STATE) : FlowTcpState.Unknown;
  }
}
