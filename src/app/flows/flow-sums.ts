/**
 * Sums over flows, and counts by name.
 */
import { NO_ACTIVITY, type FlowActivity } from '../../flows/window.js';
import type { JoinedFlow } from './joined-flow.js';

/** Bytes are as the client sent and received them; times in microseconds. */
export interface FlowSums {
  connections: number;
  opened: number;
  closed: number;
  live: number;
  bytesSent: number;
  bytesReceived: number;
  retransmits: number;
  failed: number;
  rttMicrosSum: number;
  rttCount: number;
  connectMicrosSum: number;
  connectCount: number;
}

export function noSums(): FlowSums {
  return { ...NO_ACTIVITY, failed: 0 };
}

export function addActivity(sum: FlowSums, more: FlowActivity): void {
  sum.connections += more.connections;
  sum.opened += more.opened;
  sum.closed += more.closed;
  sum.live += more.live;
  sum.bytesSent += more.bytesSent;
  sum.bytesReceived += more.bytesReceived;
  sum.retransmits += more.retransmits;
  sum.rttMicrosSum += more.rttMicrosSum;
  sum.rttCount += more.rttCount;
  sum.connectMicrosSum += more.connectMicrosSum;
  sum.connectCount += more.connectCount;
}

/** Adds a flow's activity and its failed connects. */
export function addFlow(sum: FlowSums, { activity, failures }: JoinedFlow): void {
  addActivity(sum, activity);
  if (failures.size > 0) sum.failed += totalOf(failures);
}

export function sumOf(flows: Iterable<JoinedFlow>): FlowSums {
  const sum = noSums();
  for (const flow of flows) addFlow(sum, flow);
  return sum;
}

/** Adds sums of other flows. */
export function addSums(sum: FlowSums, more: FlowSums): void {
  addActivity(sum, more);
  sum.failed += more.failed;
}

/** Counts by name; names without any are left out. */
export type Histogram = Map<string, number>;

export function addTo(histogram: Histogram, name: string, count: number): void {
  if (count !== 0) histogram.set(name, (histogram.get(name) ?? 0) + count);
}

export function addAll(histogram: Histogram, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) addTo(histogram, name, count);
}

export function totalOf(histogram: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of histogram.values()) total += count;
  return total;
}
