/** Reads `TrackerSnapshot.namespaces`: a row of counts for each network namespace. */
import type { TrackerSnapshot } from 'ebpf-bridge/ebpf';
import { NAMESPACE, NAMESPACE_WORD } from '../../records/layout.js';
import { overflowOf, type NamespaceOverflow } from '../../records/overflow-counts.js';
import type { Overflow } from '../../records/source.js';
import type { TcpCounts } from './kernel-counters.js';

export interface NamespaceCounts {
  /** By inode, to compare with the kernel's own. */
  readonly seen: ReadonlyMap<number, TcpCounts>;
  readonly overflow: Overflow;
}

export function readNamespaceCounts({
  namespaces: rows,
  namespaceCount,
}: Pick<TrackerSnapshot, 'namespaces' | 'namespaceCount'>): NamespaceCounts {
  const words = new Uint32Array(rows, 0, namespaceCount * NAMESPACE.words);
  const seen = new Map<number, TcpCounts>();
  const namespaces: NamespaceOverflow[] = [];
  for (let at = 0; at < words.length; at += NAMESPACE.words) {
    const u64 = (word: NAMESPACE_WORD): number => words[at + word]! + words[at + word + 1]! * 2 ** 32;
    const netns = u64(NAMESPACE_WORD.netns);
    seen.set(netns, {
      active: u64(NAMESPACE_WORD.active),
      passive: u64(NAMESPACE_WORD.passive),
      established: u64(NAMESPACE_WORD.established),
    });
    namespaces.push({
      netns,
      live: u64(NAMESPACE_WORD.live),
      closed: u64(NAMESPACE_WORD.closed),
      failed: u64(NAMESPACE_WORD.failed),
      bytesSent: u64(NAMESPACE_WORD.bytesSent),
      bytesReceived: u64(NAMESPACE_WORD.bytesReceived),
      retransmits: u64(NAMESPACE_WORD.retransmits),
    });
  }
  return { seen, overflow: overflowOf(namespaces) };
}
