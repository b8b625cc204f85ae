/**
 * What is lost with a batch that comes into no report: closed ends that no earlier batch had. Live ends are in the next
 * batch again. Pure.
 */
import { Direction, Flag, OFFSET, RECORD, WORD } from './layout.js';
import { TcpState } from './tcp-state.js';
import type { RecordBatch } from './record-view.js';
import { RecordView } from './record-view.js';

export interface LostEnds {
  /** Connects, failed ones among them. */
  active: number;
  /** Accepted connections. */
  passive: number;
}

/** By inode of the network namespace. Without ends that an earlier batch had, or that are older than the source. */
export function lostEnds(batch: RecordBatch): Map<number, LostEnds> {
  const { bytes, words, count } = new RecordView(batch);
  const lost = new Map<number, LostEnds>();
  for (let i = 0; i < count; i++) {
    const at = i * RECORD.bytes;
    const isKnown = (bytes[at + OFFSET.flags]! & (Flag.Reported | Flag.Seeded)) !== 0;
    if (isKnown || bytes[at + OFFSET.state] !== TcpState.Close) continue;
    const direction = bytes[at + OFFSET.direction];
    if (direction !== Direction.Connected && direction !== Direction.Accepted) continue;
    const netns = words[i * RECORD.words + WORD.netns]! >>> 0;
    const ends = lost.get(netns) ?? { active: 0, passive: 0 };
    if (direction === Direction.Connected) ends.active++;
    else ends.passive++;
    lost.set(netns, ends);
  }
  return lost;
}
