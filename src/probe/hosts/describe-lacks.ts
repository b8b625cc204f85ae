/** What the host's node goes without, as one line of the log. */
import type { ProbeError } from '../errors.js';

/** What was attempted each time, and each advice once; the same text for the same faults in any order. */
export function describeLacks(unsorted: readonly ProbeError[]): string {
  const lacks = unsorted.toSorted((a, b) => (a.attempted < b.attempted ? -1 : 1));
  const attempts = lacks.map(({ attempted }) => attempted).join(', ');
  const advice = new Set(lacks.map(({ advice }) => advice));
  return [attempts, ...advice].join('; ');
}
