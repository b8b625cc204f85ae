/**
 * Sums over connections, and what one endpoint's facts add to them. The keys are those our probe sends beside Scope's.
 */
import type { Node } from '../../report/model/model.js';
import { latestOf } from './endpoint.js';

/** Bytes are as seen from the client: sent by it, received by it. */
export interface ConnectionTotals {
  connections: number;
  bytesSent: number;
  bytesReceived: number;
  retransmits: number;
  failed: number;
  /** Sum of smoothed RTTs in microseconds, each as often as there are connections it is the mean of. */
  rttMicrosSum: number;
  rttCount: number;
  /** Likewise for the time from SYN to established. */
  connectMicrosSum: number;
  connectCount: number;
}

export function noConnections(): ConnectionTotals {
  return {
    connections: 0,
    bytesSent: 0,
    bytesReceived: 0,
    retransmits: 0,
    failed: 0,
    rttMicrosSum: 0,
    rttCount: 0,
    connectMicrosSum: 0,
    connectCount: 0,
  };
}

/** Adds `more` to `sum`; `sign` -1 takes it away again. */
export function addTotals(sum: ConnectionTotals, more: ConnectionTotals, sign: 1 | -1 = 1): void {
  sum.connections += sign * more.connections;
  sum.bytesSent += sign * more.bytesSent;
  sum.bytesReceived += sign * more.bytesReceived;
  sum.retransmits += sign * more.retransmits;
  sum.failed += sign * more.failed;
  sum.rttMicrosSum += sign * more.rttMicrosSum;
  sum.rttCount += sign * more.rttCount;
  sum.connectMicrosSum += sign * more.connectMicrosSum;
  sum.connectCount += sign * more.connectCount;
}

/** What one endpoint stands for. A number that is not one counts as absent. */
export function totalsOf(node: Node): ConnectionTotals {
  const connections = numberOf(node, 'conn_count') ?? 1;
  const rtt = numberOf(node, 'rtt_us');
  const connect = numberOf(node, 'connect_us');
  return {
    connections,
    bytesSent: numberOf(node, 'bytes_sent') ?? 0,
    bytesReceived: numberOf(node, 'bytes_received') ?? 0,
    retransmits: numberOf(node, 'retransmits') ?? 0,
    failed: numberOf(node, 'failed_count') ?? 0,
    rttMicrosSum: (rtt ?? 0) * connections,
    rttCount: rtt === undefined ? 0 : connections,
    connectMicrosSum: (connect ?? 0) * connections,
    connectCount: connect === undefined ? 0 : connections,
  };
}

/** Mean round-trip and connect times in whole microseconds, as far as any was measured. */
export function meansOf(totals: ConnectionTotals): { rttMicros?: number; connectMicros?: number } {
  const { rttMicrosSum, rttCount, connectMicrosSum, connectCount } = totals;
  return {
    ...(rttCount === 0 ? {} : { rttMicros: Math.round(rttMicrosSum / rttCount) }),
    ...(connectCount === 0 ? {} : { connectMicros: Math.round(connectMicrosSum / connectCount) }),
  };
}

const DECIMAL = /^\d{1,15}$/;

function numberOf(node: Node, key: string): number | undefined {
  const text = latestOf(node, key);
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}

/** Counts by name: a count that falls to zero leaves no name behind. */
export type Tally = Map<string, number>;

export function addToTally(tally: Tally, name: string, count: number): void {
  const sum = (tally.get(name) ?? 0) + count;
  if (sum === 0) tally.delete(name);
  else tally.set(name, sum);
}
