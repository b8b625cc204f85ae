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
