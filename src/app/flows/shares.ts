/** A whole number shared out by weights into whole numbers of the same sum (largest remainder). */
import type { FlowActivity } from '../../flows/window.js';

/** @param weights not negative; where all are 0, everything goes to the last one. Never empty unless `total` is 0 */
export function share(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (weights.length === 1) return [total];
  if (sum === 0) return weights.map((_, i) => (i === weights.length - 1 ? total : 0));
  const shares = weights.map((weight) => Math.floor(total * (weight / sum)));
  const remainders = weights.map((weight, i) => total * (weight / sum) - shares[i]!);
  let left = total - shares.reduce((all, one) => all + one, 0);
  if (left === 0) return shares;
  const order = remainders
    .map((_, i) => i)
    .filter((i) => weights[i]! > 0)
    .sort((a, b) => remainders[b]! - remainders[a]! || a - b);
  // Beyond 2^50 the products are rounded, and the sum may be off by more than one for each.
  const each = Math.trunc(left / order.length);
  for (const i of order) shares[i]! += each;
  left -= each * order.length;
  const step = Math.sign(left);
  for (let i = 0; left !== 0; i++, left -= step) shares[order[i]!]! += step;
  return shares;
}

/** All numbers of an activity shared out: the connections by the weights, the rest by the connections. */
export function shareActivity(activity: FlowActivity, weights: readonly number[]): FlowActivity[] {
  if (weights.length === 1) return [activity];
  const connections = share(activity.connections, weights);
  const by = activity.connections > 0 ? connections : weights;
  const opened = share(activity.opened, by);
  const closed = share(activity.closed, by);
  const live = share(activity.live, by);
  const bytesSent = share(activity.bytesSent, by);
  const bytesReceived = share(activity.bytesReceived, by);
  const retransmits = share(activity.retransmits, by);
  const connectMicrosSum = share(activity.connectMicrosSum, by);
  const connectCount = share(activity.connectCount, by);
  const rttMicrosSum = share(activity.rttMicrosSum, by);
  const rttCount = share(activity.rttCount, by);
  return weights.map((_, i) => ({
    connections: connections[i]!,
    opened: opened[i]!,
    closed: closed[i]!,
    live: live[i]!,
    bytesSent: bytesSent[i]!,
    bytesReceived: bytesReceived[i]!,
    retransmits: retransmits[i]!,
    connectMicrosSum: connectMicrosSum[i]!,
    connectCount: connectCount[i]!,
    rttMicrosSum: rttMicrosSum[i]!,
    rttCount: rttCount[i]!,
  }));
}
