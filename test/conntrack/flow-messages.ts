/** Writes ctnetlink messages the way the kernel does, for tests of their reader. Written from the kernel's headers. */
import ipaddr from 'ipaddr.js';
import { attribute, message, nested } from '../support/netlink-bytes.js';

export interface TupleText {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export interface FlowText {
  readonly original: TupleText;
  readonly reply: TupleText;
  readonly protocol?: number;
  readonly status?: number;
  readonly tcpState?: number;
  readonly id?: number;
  readonly zone?: number;
  readonly originalZone?: number;
  readonly mark?: number;
  readonly timeoutSeconds?: number;
  readonly counters?: readonly [packets: number, bytes: number, replyPackets: number, replyBytes: number];
  readonly startMillis?: number;
  readonly destroyed?: boolean;
}

function number(value: number, bytes: 1 | 2 | 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64BE(BigInt(value));
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function tuple(
  type: number,
  { source, sourcePort, destination, destinationPort }: TupleText,
  protocol: number,
  zone?: number,
): Buffer {
  const bytesOf = (text: string): Buffer => Buffer.from(ipaddr.parse(text).toByteArray());
  const isIpv6 = source.includes(':');
  const parts = [
    nested(1, attribute(isIpv6 ? 3 : 1, bytesOf(source)), attribute(isIpv6 ? 4 : 2, bytesOf(destination))),
    nested(
      2,
      attribute(1, number(protocol, 1)),
      attribute(2, number(sourcePort, 2)),
      attribute(3, number(destinationPort, 2)),
    ),
  ];
  if (zone !== undefined) parts.push(attribute(3, number(zone, 2)));
  return nested(type, ...parts);
}

export function flowMessage(flow: FlowText, flags?: number): Buffer {
  const { original, reply, protocol = 6, counters } = flow;
  const parts = [
    tuple(1, original, protocol, flow.originalZone),
    tuple(2, reply, protocol),
    attribute(12, number(flow.id ?? 0, 4)),
    attribute(3, number(flow.status ?? 0, 4)),
  ];
  const optional = (value: number | undefined, type: number, bytes: 2 | 4): void => {
    if (value !== undefined) parts.push(attribute(type, number(value, bytes)));
  };
  optional(flow.zone, 18, 2);
  optional(flow.mark, 8, 4);
  optional(flow.timeoutSeconds, 7, 4);
  if (counters !== undefined) {
    const [packets, bytes, replyPackets, replyBytes] = counters;
    parts.push(nested(9, attribute(1, number(packets, 8)), attribute(2, number(bytes, 8))));
    parts.push(nested(10, attribute(1, number(replyPackets, 8)), attribute(2, number(replyBytes, 8))));
  }
  if (flow.startMillis !== undefined) parts.push(nested(20, attribute(1, number(flow.startMillis * 1e6, 8))));
  if (flow.tcpState !== undefined) parts.push(nested(4, nested(1, attribute(1, number(flow.tcpState, 1)))));
  const family = Buffer.from([original.source.includes(':') ? 10 : 2, 0, 0, 0]);
  return message((1 << 8) | (flow.destroyed === true ? 2 : 0), Buffer.concat([family, ...parts]), flags);
}
