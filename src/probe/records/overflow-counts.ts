/** Sums of what is counted without detail. */
import type { OtherConnections, OtherCounts } from './source.js';

export type NamespaceOther = OtherConnections['namespaces'][number];

/** Ends of connections without a record, live or ended since the last snapshot. */
export const otherEnds = ({ live, closed, failed }: OtherCounts): number => live + closed + failed;

export function otherOf(all: readonly NamespaceOther[]): OtherConnections {
  const namespaces = all.filter((each) => otherEnds(each) > 0).sort((a, b) => otherEnds(b) - otherEnds(a));
  const sum = { live: 0, closed: 0, failed: 0, bytesSent: 0, bytesReceived: 0, retransmits: 0 };
  for (const each of namespaces) addEnded(sum, each).live += each.live;
  return { ...sum, namespaces };
}

/** Of two snapshots in a row: the live ones are those of the later one. */
export function joinOther(first: OtherConnections, later: OtherConnections): OtherConnections {
  const joined = new Map(later.namespaces.map((each) => [each.netns, { ...each }]));
  for (const each of first.namespaces) {
    const known = joined.get(each.netns);
    if (known === undefined) joined.set(each.netns, { ...each, live: 0 });
    else addEnded(known, each);
  }
  return otherOf([...joined.values()]);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function addEnded<Sum extends Mutable<OtherCounts>>(sum: Sum, each: OtherCounts): Sum {
  sum.closed += each.closed;
  sum.failed += each.failed;
  sum.bytesSent += each.bytesSent;
  sum.bytesReceived += each.bytesReceived;
  sum.retransmits += each.retransmits;
  return sum;
}
