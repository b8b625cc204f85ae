/** Writes flat records the way a source does, for tests of flows. */
import ipaddr from 'ipaddr.js';
import {
  Direction,
  DirectionEvidence,
  Flag,
  OFFSET,
  PidEvidence,
  RECORD,
} from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

export interface Socket {
  readonly id: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly direction?: number;
  readonly netns?: number;
  readonly pid?: number;
  readonly startNanos?: number;
  readonly endNanos?: number;
  readonly state?: number;
  readonly established?: boolean;
  /** It existed before the source was started. */
  readonly seeded?: boolean;
  /** No other record is of its socket. */
  readonly brief?: boolean;
  readonly comm?: string;
  readonly pidStartNanos?: number;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  readonly retransmits?: number;
  readonly srttMicros?: number;
  readonly connectMicros?: number;
  readonly errno?: number;
  /** Default: found by a table scan, where there is a PID. */
  readonly pidEvidence?: number;
  /** Of an accepted socket: the process of its listener. Default: nobody knows. */
  readonly listenerPid?: number;
}

export interface Batch {
  readonly records: ArrayBuffer;
  readonly recordCount: number;
}

export const NETNS = 4026531840;

export function encode(sockets: readonly Socket[]): Batch {
  const records = new ArrayBuffer(sockets.length * RECORD.bytes);
  for (const [i, socket] of sockets.entries())
    write(new DataView(records, i * RECORD.bytes, RECORD.bytes), socket);
  return { records, recordCount: sockets.length };
}

function write(view: DataView, socket: Socket): void {
  const { direction = Direction.Connected, established = direction !== Direction.Listener } = socket;
  view.setBigUint64(OFFSET.socketId, BigInt(socket.id), true);
  view.setBigUint64(OFFSET.startNanos, BigInt(socket.startNanos ?? 0), true);
  view.setBigUint64(OFFSET.endNanos, BigInt(socket.endNanos ?? 0), true);
  writeAddress(view, OFFSET.localAddress, socket.local);
  writeAddress(view, OFFSET.remoteAddress, socket.remote ?? '::');
  view.setUint32(OFFSET.netns, socket.netns ?? NETNS, true);
  view.setUint32(OFFSET.pid, socket.pid ?? 0, true);
  view.setUint16(OFFSET.localPort, socket.localPort, true);
  view.setUint16(OFFSET.remotePort, socket.remotePort ?? 0, true);
  view.setUint8(OFFSET.direction, direction);
  view.setUint8(
    OFFSET.state,
    socket.state ?? (direction === Direction.Listener ? TcpState.Listen : TcpState.Established),
  );
  view.setUint32(OFFSET.listenerPid, socket.listenerPid ?? 0, true);
  view.setUint8(
    OFFSET.pidEvidence,
    socket.pidEvidence ?? (socket.pid ? PidEvidence.TableScan : PidEvidence.None),
  );
  view.setUint8(OFFSET.directionEvidence, direction === Direction.Unknown ? 0 : DirectionEvidence.Handshake);
  view.setUint8(
    OFFSET.flags,
    (established ? Flag.Established : 0) |
      (socket.seeded === true ? Flag.Seeded : 0) |
      (socket.brief === true ? Flag.Brief : 0),
  );
  view.setBigUint64(OFFSET.bytesSent, BigInt(socket.bytesSent ?? 0), true);
  view.setBigUint64(OFFSET.bytesReceived, BigInt(socket.bytesReceived ?? 0), true);
  view.setUint32(OFFSET.retransmits, socket.retransmits ?? 0, true);
  view.setUint32(OFFSET.srttMicros, socket.srttMicros ?? 0, true);
  view.setUint32(OFFSET.connectMicros, socket.connectMicros ?? 0, true);
  view.setBigUint64(OFFSET.pidStartNanos, BigInt(socket.pidStartNanos ?? 0), true);
  view.setUint16(OFFSET.error, socket.errno ?? 0, true);
  for (const [i, byte] of Buffer.from(socket.comm ?? '').entries()) view.setUint8(OFFSET.comm + i, byte);
}

function writeAddress(view: DataView, offset: number, text: string): void {
  const parsed = ipaddr.parse(text);
  const ipv6 = parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed;
  for (const [i, byte] of ipv6.toByteArray().entries()) view.setUint8(offset + i, byte);
}

export interface Connection {
  readonly id: number;
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly fromPid?: number;
  readonly toPid?: number;
  readonly netns?: number;
  readonly state?: number;
}

/** The client's socket of a connection; its id is twice the connection's. */
export function client(connection: Connection): Socket {
  const { id, from, fromPort, to, toPort, fromPid = 0, ...rest } = connection;
  return {
    ...rest,
    id: id * 2,
    local: from,
    localPort: fromPort,
    remote: to,
    remotePort: toPort,
    pid: fromPid,
    direction: Direction.Connected,
  };
}

/** The server's socket of a connection. */
export function server(connection: Connection): Socket {
  const { id, from, fromPort, to, toPort, toPid = 0, ...rest } = connection;
  return {
    ...rest,
    id: id * 2 + 1,
    local: to,
    localPort: toPort,
    remote: from,
    remotePort: fromPort,
    pid: toPid,
    direction: Direction.Accepted,
  };
}

export function listener(local: string, localPort: number, more: Partial<Socket> = {}): Socket {
  return { id: 900_000 + localPort, local, localPort, direction: Direction.Listener, ...more };
}
