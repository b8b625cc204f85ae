/**
 * Adds up what endpoints say of their traffic when two of them become one, so that an app that was away learns of all
 * of it. Pure.
 *
 * `bytes_sent`, `bytes_received` and `retransmits` are sums over a connection's whole life, so what a later report says
 * of a connection that an earlier one had already includes what that one said. They are added where the later report's
 * connections are all new; otherwise the greater one stands. Failed connects are always new. `rtt_us` and `connect_us`
 * are means: the later one stands, as the merge leaves it.
 */
import type { Latest, Node, Timestamp } from '../../report/model/model.js';
import { countsOf } from './connection-counts.js';

const LIFETIME_SUMS = ['bytes_sent', 'bytes_received', 'retransmits'] as const;
const ALWAYS_NEW = 'failed_count';

/** `node`, the merge of both, with their sums. */
export function withSums(node: Node, earlier: Node, later: Node, timestamp: Timestamp): Node {
  const counts = countsOf(later);
  const isAllNew = counts === undefined || counts.fresh === counts.total;
  let latest: Map<string, Latest> | undefined;
  const put = (key: string, value: number): void => {
    latest ??= new Map(node.latest);
    latest.set(key, { timestamp, value: String(value) });
  };
  for (const key of [...LIFETIME_SUMS, ALWAYS_NEW]) {
    const before = numberIn(earlier, key);
    const after = numberIn(later, key);
    if (before === undefined || after === undefined) continue;
    put(key, isAllNew || key === ALWAYS_NEW ? before + after : Math.max(before, after));
  }
  return latest ? { ...node, latest } : node;
}

/** `node` with the sums of another one whose connections are others: both stand for different client ports. */
export function withSumsOfOther(node: Node, other: Node, timestamp: Timestamp): Node {
  const latest = new Map<string, Latest>(node.latest);
  for (const key of [...LIFETIME_SUMS, ALWAYS_NEW]) {
    const more = numberIn(other, key);
    if (more !== undefined) latest.set(key, { timestamp, value: String((numberIn(node, key) ?? 0) + more) });
  }
  return { ...node, latest };
}

function numberIn(node: Node, key: string): number | undefined {
  const value = node.latest?.get(key)?.value;
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
