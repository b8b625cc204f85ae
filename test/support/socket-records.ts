/** Reads the records of a snapshot in tests. */
import type { Snapshot } from '../../src/probe/records/source.js';
import { Direction, OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

type Records = Pick<Snapshot, 'records' | 'recordCount'>;

export interface SeenSocket {
  readonly direction: number;
  readonly directionEvidence: number;
  readonly state: number;
  readonly flags: number;
  readonly pid: number;
  readonly localPort: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface SocketCounts {
  readonly live: number;
  readonly closed: number;
  /** Payload bytes of the closed ones. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** The sockets of one network namespace, listeners among them. */
export function socketsIn({ records, recordCount }: Records, netns: number): SeenSocket[] {
  const seen: SeenSocket[] = [];
  for (let i = 0; i < recordCount; i++) {
    const view = new DataView(records, i * RECORD.bytes, RECORD.bytes);
    if (view.getUint32(OFFSET.netns, true) !== netns) continue;
    seen.push({
      direction: view.getUint8(OFFSET.direction),
      directionEvidence: view.getUint8(OFFSET.directionEvidence),
      state: view.getUint8(OFFSET.state),
      flags: view.getUint8(OFFSET.flags),
      pid: view.getUint32(OFFSET.pid, true),
      localPort: view.getUint16(OFFSET.localPort, true),
      bytesSent: Number(view.getBigUint64(OFFSET.bytesSent, true)),
      bytesReceived: Number(view.getBigUint64(OFFSET.bytesReceived, true)),
    });
  }
  return seen;
}

/** Ends of connections in one network namespace; listeners are none. */
export function countSockets(snapshot: Records, netns: number): SocketCounts {
  const counts = { live: 0, closed: 0, bytesSent: 0, bytesReceived: 0 };
  for (const { direction, state, bytesSent, bytesReceived } of socketsIn(snapshot, netns)) {
    if (direction === Direction.Listener) continue;
    if (state !== TcpState.Close) {
      counts.live++;
      continue;
    }
    counts.closed++;
    counts.bytesSent += bytesSent;
    counts.bytesReceived += bytesReceived;
  }
  return counts;
}
