/** Reads the records of a snapshot in tests. */
import type { Snapshot } from '../../src/probe/connections/source.js';
import { Direction, OFFSET, RECORD_BYTES, TcpState } from '../../src/probe/topology/record.js';

export interface SocketCounts {
  readonly live: number;
  readonly closed: number;
  /** Payload bytes of the closed ones. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface SeenSocket {
  readonly direction: number;
  readonly state: number;
  readonly flags: number;
}

/** The sockets of one network namespace, listeners among them. */
export function socketsIn(
  { records, recordCount }: Pick<Snapshot, 'records' | 'recordCount'>,
  netns: number,
): SeenSocket[] {
  const seen: SeenSocket[] = [];
  for (let i = 0; i < recordCount; i++) {
    const view = new DataView(records, i * RECORD_BYTES, RECORD_BYTES);
    if (view.getUint32(OFFSET.netns, true) !== netns) continue;
    seen.push({
      direction: view.getUint8(OFFSET.direction),
      state: view.getUint8(OFFSET.state),
      flags: view.getUint8(OFFSET.flags),
    });
  }
  return seen;
}

/** Ends of connections in one network namespace; listeners are none. */
export function countSockets({ records, recordCount }: Snapshot, netns: number): SocketCounts {
  const view = new DataView(records);
  const counts = { live: 0, closed: 0, bytesSent: 0, bytesReceived: 0 };
  for (let at = 0; at < recordCount * RECORD_BYTES; at += RECORD_BYTES) {
    if (view.getUint32(at + OFFSET.netns, true) !== netns) continue;
    if (view.getUint8(at + OFFSET.direction) === Direction.Listener) continue;
    if (view.getUint8(at + OFFSET.state) !== TcpState.Close) {
      counts.live++;
      continue;
    }
    counts.closed++;
    counts.bytesSent += Number(view.getBigUint64(at + OFFSET.bytesSent, true));
    counts.bytesReceived += Number(view.getBigUint64(at + OFFSET.bytesReceived, true));
  }
  return counts;
}
