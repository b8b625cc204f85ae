/**
 * How many connections an endpoint node stands for, and how many of them no earlier report has counted.
 *
 * A live connection is in every report, so counts of successive reports can't simply be added up: a report's *new*
 * ones can. `conn_new` says how many those are; absent, all are new.
 */
import type { Latest, Node, Timestamp } from '../../report/model/model.js';

const CONN_COUNT = 'conn_count';
const CONN_NEW = 'conn_new';

export interface ConnectionCounts {
  readonly total: number;
  readonly fresh: number;
}

/** Undefined for a node that opens no connections. */
export function countsOf(node: Node): ConnectionCounts | undefined {
  if (node.adjacency === undefined || node.adjacency.length === 0) return undefined;
  const total = countIn(node, CONN_COUNT) ?? 1;
  return { total, fresh: Math.min(total, countIn(node, CONN_NEW) ?? total) };
}

/** The node with these counts in place of its own, in the form in which the usual case takes no room. */
export function withCounts(node: Node, { total, fresh }: ConnectionCounts, timestamp: Timestamp): Node {
  const latest = new Map<string, Latest>(node.latest);
  // 0 is said, not left out: a client of which only failed connects are known, and absent means one.
  if (total !== 1) latest.set(CONN_COUNT, { timestamp, value: String(total) });
  else latest.delete(CONN_COUNT);
  if (fresh < total) latest.set(CONN_NEW, { timestamp, value: String(fresh) });
  else latest.delete(CONN_NEW);
  return { ...node, latest };
}

function countIn(node: Node, key: string): number | undefined {
  const value = node.latest?.get(key)?.value;
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
