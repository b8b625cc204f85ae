/**
 * Makes one report of two that follow each other, for an app that was away: everything merged as usual, but counts of
 * connections added up. Pure.
 *
 * The usual merge keeps the later `conn_count` of an endpoint that is in both, and so forgets the connections of the
 * earlier report. Here an endpoint's count is the earlier one's plus those that are new in the later one. An endpoint
 * that is only in the later report, with nothing new, stands for connections which the earlier report counted at
 * other ports (what is kept of a group changes with its size): it is left out when its group is in the earlier report.
 */
import { GO_ZERO, mergeReports, parseEndpointNodeId } from '../../report/index.js';
import type { Node, Report, Topology, TopologyKey } from '../../report/model/model.js';
import { countsOf, withCounts, type ConnectionCounts } from './connection-counts.js';
import { withSums } from './traffic-sums.js';

/** @param id of the new report */
export function joinReports(earlier: Report, later: Report, id: string): Report {
  const before = endpointsOf(earlier);
  const after = endpointsOf(later);
  const joined = mergeReports([earlier, later]);
  if (before.size === 0 || after.size === 0) return { ...joined, id };
  const endpoints = joined.topologies.get('Endpoint');
  if (!endpoints) return { ...joined, id };
  const topologies = new Map<TopologyKey, Topology>(joined.topologies);
  topologies.set('Endpoint', { ...endpoints, nodes: addUpCounts(before, after, endpoints.nodes, later) });
  return { ...joined, id, topologies };
}

function addUpCounts(
  before: ReadonlyMap<string, Node>,
  after: ReadonlyMap<string, Node>,
  merged: ReadonlyMap<string, Node>,
  later: Report,
): Map<string, Node> {
  const timestamp = later.timestamp ?? GO_ZERO;
  const nodes = new Map(merged);
  const groups = groupsOf(before);
  let targets: Set<string> | undefined;
  for (const [id, node] of after) {
    const counts = countsOf(node);
    const known = before.get(id);
    if (!counts) {
      // It opened connections before and only takes them now: what the merge says of it stands.
      continue;
    }
    const earlier = known && countsOf(known);
    if (earlier) {
      const summed = withSums(nodes.get(id) ?? node, known, node, timestamp);
      nodes.set(id, withCounts(summed, added(earlier, counts.fresh), timestamp));
    } else if (counts.fresh < counts.total && isGrouped(id, node, groups)) {
      const { fresh } = counts;
      if (fresh > 0) {
        nodes.set(id, withCounts(nodes.get(id) ?? node, { total: fresh, fresh }, timestamp));
      } else {
        targets ??= targetsOf(merged);
        if (targets.has(id) || known) nodes.set(id, withoutEdges(nodes.get(id) ?? node));
        else nodes.delete(id);
      }
    }
  }
  return nodes;
}

function added(earlier: ConnectionCounts, fresh: number): ConnectionCounts {
  return { total: earlier.total + fresh, fresh: earlier.fresh + fresh };
}

/** A group's name: who talks to what; the client's port apart. */
function groupKeys(id: string, node: Node): string[] {
  const parts = parseEndpointNodeId(id);
  return parts ? (node.adjacency ?? []).map((to) => `${parts.scope};${parts.address} ${to}`) : [];
}

function groupsOf(nodes: ReadonlyMap<string, Node>): Set<string> {
  const groups = new Set<string>();
  for (const [id, node] of nodes) for (const key of groupKeys(id, node)) groups.add(key);
  return groups;
}

function isGrouped(id: string, node: Node, groups: ReadonlySet<string>): boolean {
  const keys = groupKeys(id, node);
  return keys.length > 0 && keys.every((key) => groups.has(key));
}

/** Every endpoint that some other one opens connections to. */
function targetsOf(nodes: ReadonlyMap<string, Node>): Set<string> {
  const targets = new Set<string>();
  for (const { adjacency } of nodes.values()) for (const to of adjacency ?? []) targets.add(to);
  return targets;
}

function withoutEdges(node: Node): Node {
  const { adjacency: _, ...rest } = node;
  const latest = new Map(rest.latest);
  latest.delete('conn_count');
  latest.delete('conn_new');
  return { ...rest, latest };
}

function endpointsOf(report: Report): ReadonlyMap<string, Node> {
  return report.topologies.get('Endpoint')?.nodes ?? new Map<string, Node>();
}
