/** Sums of overflow: connections that are counted without a record each. */
import type { Overflow, OverflowCounts } from './source.js';

export type NamespaceOverflow = Overflow['namespaces'][number];

/** Its ends of connections, live or ended since the last snapshot. */
export const overflowEnds = ({ live, closed, failed }: OverflowCounts): number => live + closed + failed;

export function overflowOf(all: readonly NamespaceOverflow[]): Overflow {
  const namespaces = all
    .filter((each) => overflowEnds(each) > 0)
    .sort((a, b) => overflowEnds(b) - overflowEnds(a));
  const sum = { live: 0, closed: 0, failed: 0, bytesSent: 0, bytesReceived: 0, retransmits: 0 };
  for (const each of namespaces) addEnded(sum, each).live += each.live;
  return { ...sum, namespaces };
}

/** Sums two successive snapshots: the live ends are those of the later one. */
export function joinOverflow(first: Overflow, later: Overflow): Overflow {
  const joined = new Map(later.namespaces.map((each) => [each.netns, { ...each }]));
  for (const each of first.namespaces) {
    const known = joined.get(each.netns);
    if (known === undefined) joined.set(each.netns, { ...each, live: 0 });
    else addEnded(known, each);
  }
  return overflowOf([...joined.values()]);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function addEnded<Sum extends Mutable<OverflowCounts>>(sum: Sum, each: OverflowCounts): Sum {
  sum.closed += each.closed;
  sum.failed += each.failed;
  sum.bytesSent += each.bytesSent;
  sum.bytesReceived += each.bytesReceived;
  sum.retransmits += each.retransmits;
  return sum;
}
