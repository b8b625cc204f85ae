/** Reads `TrackerSnapshot.namespaces`: ten numbers for each network namespace. */
import { otherOf, type NamespaceOther } from '../../records/overflow-counts.js';
import type { OtherConnections } from '../../records/source.js';
import type { TcpCounts } from './kernel-counters.js';

const NUMBERS = 10;

export interface NamespaceCounts {
  /** By inode, to be held against the kernel's own. */
  readonly seen: ReadonlyMap<number, TcpCounts>;
  readonly other: OtherConnections;
}

export function readNamespaceCounts(numbers: Float64Array): NamespaceCounts {
  const seen = new Map<number, TcpCounts>();
  const namespaces: NamespaceOther[] = [];
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const number = (which: number): number => numbers[at + which] ?? 0;
    const netns = number(0);
    seen.set(netns, { active: number(1), passive: number(2), established: number(3) });
    namespaces.push({
      netns,
      live: number(4),
      closed: number(5),
      failed: number(6),
      bytesSent: number(7),
      bytesReceived: number(8),
      retransmits: number(9),
    });
  }
  return { seen, other: otherOf(namespaces) };
}
