/**
 * Endpoints that open connections, grouped by everything views look at: owner, address and peers.
 *
 * A fleet has hundreds of thousands of client ports but few pairs of who talks to whom. Views walk the groups, so
 * their cost follows the picture and not the number of sockets. A change of one endpoint costs that endpoint only.
 */
import { parseEndpointNodeId } from '../../report/node-ids.js';
import type { Node } from '../../report/model.js';
import { latestOf } from './endpoint.js';

/** Sums over connections. Bytes are as the client's side counted them. */
export interface ConnectionTotals {
  connections: number;
  bytesSent: number;
  bytesReceived: number;
  retransmits: number;
  failed: number;
  /** Sum of smoothed RTTs in microseconds, over `rttCount` endpoints that have one. */
  rttMicrosSum: number;
  rttCount: number;
  /** Sum of SYN-to-established times in microseconds, over `connectCount` endpoints. */
  connectMicrosSum: number;
  connectCount: number;
}

export interface EndpointGroup {
  readonly hostNode: string | undefined;
  readonly pid: string | undefined;
  readonly scope: string;
  readonly address: string;
  /** Sorted ids of the endpoints these connect to; never empty. */
  readonly adjacency: readonly string[];
  readonly totals: ConnectionTotals;
  /** NAT copies only: the id of each copy → the endpoint it copies. Others are not listed. */
  readonly copies: Map<string, string> | undefined;
  /** Failed connects by reason (errno name). */
  readonly failures: Map<string, number>;
  /** Endpoints in the group. */
  members: number;
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
  const rtt = numberOf(node, 'rtt_us');
  const connect = numberOf(node, 'connect_us');
  return {
    connections: numberOf(node, 'conn_count') ?? 1,
    bytesSent: numberOf(node, 'bytes_sent') ?? 0,
    bytesReceived: numberOf(node, 'bytes_received') ?? 0,
    retransmits: numberOf(node, 'retransmits') ?? 0,
    failed: numberOf(node, 'failed_count') ?? 0,
    rttMicrosSum: rtt ?? 0,
    rttCount: rtt === undefined ? 0 : 1,
    connectMicrosSum: connect ?? 0,
    connectCount: connect === undefined ? 0 : 1,
  };
}

const DECIMAL = /^\d{1,15}$/;

function numberOf(node: Node, key: string): number | undefined {
  const text = latestOf(node, key);
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}

export class EndpointGroups {
  /** Bounded by the window's bound on nodes: one entry per stored endpoint. */
  readonly #members = new Map<
    string,
    { readonly node: Node; readonly group: EndpointGroup; readonly key: string }
  >();
  readonly #groups = new Map<string, EndpointGroup>();
  readonly #sinks = new Map<string, Node>();

  /** Groups of endpoints that open connections. */
  get groups(): Iterable<EndpointGroup> {
    return this.#groups.values();
  }

  /** Endpoints that open none, by id. */
  get sinks(): ReadonlyMap<string, Node> {
    return this.#sinks;
  }

  /** Adds an endpoint, or replaces the one of this id. */
  set(id: string, node: Node): void {
    this.delete(id);
    const parsed = parseEndpointNodeId(id);
    if (parsed === undefined) return;
    const adjacency = node.adjacency ?? [];
    if (adjacency.length === 0) {
      this.#sinks.set(id, node);
      return;
    }
    const hostNode = latestOf(node, 'host_node_id');
    const pid = latestOf(node, 'pid');
    const copyOf = latestOf(node, 'copy_of');
    const key = [
      hostNode ?? '',
      pid ?? '',
      parsed.scope,
      parsed.address,
      copyOf === undefined ? '' : 'copy',
      ...adjacency,
    ].join('\n');
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        hostNode,
        pid,
        scope: parsed.scope,
        address: parsed.address,
        adjacency,
        totals: noConnections(),
        copies: copyOf === undefined ? undefined : new Map(),
        failures: new Map(),
        members: 0,
      };
      this.#groups.set(key, group);
    }
    this.#members.set(id, { node, group, key });
    group.members++;
    if (copyOf !== undefined) group.copies?.set(id, copyOf);
    count(group, node, 1);
  }

  delete(id: string): void {
    this.#sinks.delete(id);
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    const { group } = member;
    group.members--;
    group.copies?.delete(id);
    count(group, member.node, -1);
    if (group.members === 0) this.#groups.delete(member.key);
  }
}

function count(group: EndpointGroup, node: Node, sign: 1 | -1): void {
  const totals = totalsOf(node);
  addTotals(group.totals, totals, sign);
  if (totals.failed === 0) return;
  const reason = latestOf(node, 'failed_reason') ?? 'unknown';
  const failed = (group.failures.get(reason) ?? 0) + sign * totals.failed;
  if (failed === 0) group.failures.delete(reason);
  else group.failures.set(reason, failed);
}
