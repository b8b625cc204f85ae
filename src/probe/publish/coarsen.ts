/**
 * Keeps a report that waits for an app within its bounds. Pure. Nothing is lost in number as long as that can be:
 *
 * 1. Metrics keep their newest samples.
 * 2. Too many nodes: endpoints that differ only in the client's port are folded into one with the sum of their counts.
 * 3. Still too many: processes that no endpoint mentions go, the oldest facts first.
 * 4. Still too many: clients that stand for the fewest connections go. What the report then says of its sampling
 *    (looked at `count` of `total`) tells the app that it is not complete.
 */
import { parseEndpointNodeId, parseProcessNodeId, toMillis } from '../../report/index.js';
import type { Metric, Node, Report, Topology, TopologyKey } from '../../report/model/model.js';
import { countsOf, withCounts, type ConnectionCounts } from './connection-counts.js';
import { withSumsOfOther } from './traffic-sums.js';

export interface ReportBounds {
  /** Nodes of all topologies together. */
  readonly maxNodes: number;
  /** Samples per metric. */
  readonly maxSamples: number;
}

/** What had to be made coarser; counts. */
export interface Coarsening {
  readonly samples: number;
  readonly foldedEndpoints: number;
  readonly droppedProcesses: number;
  readonly droppedEndpoints: number;
  readonly droppedConnections: number;
}

export function coarsen(report: Report, bounds: ReportBounds): { report: Report; coarsening: Coarsening } {
  const topologies = new Map<TopologyKey, Topology>(report.topologies);
  const samples = trimMetrics(topologies, bounds.maxSamples);
  const timestamp = report.timestamp ?? { unixSeconds: 0, nanos: 0, zoneMinutes: -1 };
  const excess = (): number => nodesIn(topologies) - bounds.maxNodes;
  let foldedEndpoints = 0;
  let droppedProcesses = 0;
  let droppedEndpoints = 0;
  let droppedConnections = 0;
  if (excess() > 0) {
    foldedEndpoints = replace(topologies, 'Endpoint', (nodes) => foldClientPorts(nodes, timestamp));
  }
  if (excess() > 0) {
    droppedProcesses = replace(topologies, 'Process', (nodes) => dropProcesses(nodes, topologies, excess()));
  }
  if (excess() > 0) {
    droppedEndpoints = replace(topologies, 'Endpoint', (nodes) => {
      const kept = dropSmallest(nodes, excess());
      droppedConnections = kept.connections;
      return kept.nodes;
    });
  }
  const hasChanged = samples + foldedEndpoints + droppedProcesses + droppedEndpoints > 0;
  const coarsening = { samples, foldedEndpoints, droppedProcesses, droppedEndpoints, droppedConnections };
  if (!hasChanged) return { report, coarsening };
  return {
    report: {
      ...report,
      topologies,
      ...(droppedEndpoints > 0 && { dns: namesInUse(report, topologies) }),
      ...(report.sampling && {
        sampling: { ...report.sampling, count: Math.max(0, report.sampling.count - droppedConnections) },
      }),
    },
    coarsening,
  };
}

/** @returns how many nodes there are fewer */
function replace(
  topologies: Map<TopologyKey, Topology>,
  key: TopologyKey,
  change: (nodes: ReadonlyMap<string, Node>) => ReadonlyMap<string, Node>,
): number {
  const topology = topologies.get(key);
  if (!topology) return 0;
  const nodes = change(topology.nodes);
  topologies.set(key, { ...topology, nodes });
  return topology.nodes.size - nodes.size;
}

function nodesIn(topologies: ReadonlyMap<TopologyKey, Topology>): number {
  let count = 0;
  for (const { nodes } of topologies.values()) count += nodes.size;
  return count;
}

function trimMetrics(topologies: Map<TopologyKey, Topology>, maxSamples: number): number {
  let dropped = 0;
  for (const [key, topology] of topologies) {
    let trimmed: Map<string, Node> | undefined;
    for (const [id, node] of topology.nodes) {
      if (!node.metrics || ![...node.metrics.values()].some((metric) => metric.samples.length > maxSamples))
        continue;
      const metrics = new Map<string, Metric>();
      for (const [name, metric] of node.metrics) {
        const samples = metric.samples.slice(-maxSamples);
        dropped += metric.samples.length - samples.length;
        metrics.set(name, { ...metric, samples });
      }
      trimmed ??= new Map(topology.nodes);
      trimmed.set(id, { ...node, metrics });
    }
    if (trimmed) topologies.set(key, { ...topology, nodes: trimmed });
  }
  return dropped;
}

/** One endpoint for all ports of one client process towards the same servers: the first seen stays. */
function foldClientPorts(
  nodes: ReadonlyMap<string, Node>,
  timestamp: Report['timestamp'] & {},
): Map<string, Node> {
  const folded = new Map<string, Node>();
  const first = new Map<string, { id: string; counts: ConnectionCounts }>();
  for (const [id, node] of nodes) {
    const counts = countsOf(node);
    const key = foldKey(id, node);
    if (counts === undefined || key === undefined) {
      folded.set(id, node);
      continue;
    }
    const known = first.get(key);
    if (!known) {
      first.set(key, { id, counts });
      folded.set(id, node);
    } else {
      known.counts = { total: known.counts.total + counts.total, fresh: known.counts.fresh + counts.fresh };
      folded.set(known.id, withSumsOfOther(folded.get(known.id)!, node, timestamp));
    }
  }
  for (const { id, counts } of first.values()) {
    folded.set(id, withCounts(folded.get(id)!, counts, timestamp));
  }
  return folded;
}

/** Undefined for an endpoint that must keep its identity. */
function foldKey(id: string, node: Node): string | undefined {
  const parts = parseEndpointNodeId(id);
  if (!parts || node.latest?.has('copy_of')) return undefined;
  return [
    parts.scope,
    parts.address,
    node.latest?.get('pid')?.value ?? '',
    node.latest?.get('exited_pid')?.value ?? '',
    node.latest?.get('host_node_id')?.value ?? '',
    ...(node.adjacency ?? []),
  ].join(' ');
}

function dropProcesses(
  nodes: ReadonlyMap<string, Node>,
  topologies: ReadonlyMap<TopologyKey, Topology>,
  count: number,
): Map<string, Node> {
  const mentioned = new Set<string>();
  for (const { latest } of topologies.get('Endpoint')?.nodes.values() ?? []) {
    const pid = latest?.get('pid')?.value;
    if (pid !== undefined) mentioned.add(pid);
  }
  const seenAt = (node: Node): number => {
    const pid = node.latest?.get('pid');
    return pid ? toMillis(pid.timestamp) : 0;
  };
  const candidates = [...nodes.values()]
    .filter((node) => !mentioned.has(parseProcessNodeId(node.id)?.pid ?? ''))
    .sort((a, b) => seenAt(a) - seenAt(b));
  const kept = new Map(nodes);
  for (const node of candidates.slice(0, count)) kept.delete(node.id);
  return kept;
}

function dropSmallest(
  nodes: ReadonlyMap<string, Node>,
  count: number,
): { nodes: Map<string, Node>; connections: number } {
  const clients: { id: string; total: number }[] = [];
  for (const [id, node] of nodes) {
    const counts = countsOf(node);
    if (counts) clients.push({ id, total: counts.total });
  }
  clients.sort((a, b) => a.total - b.total);
  const kept = new Map(nodes);
  let connections = 0;
  for (const { id, total } of clients.slice(0, count)) {
    kept.delete(id);
    connections += total;
  }
  return { nodes: kept, connections };
}

function namesInUse(report: Report, topologies: ReadonlyMap<TopologyKey, Topology>): Report['dns'] {
  const addresses = new Set<string>();
  for (const id of topologies.get('Endpoint')?.nodes.keys() ?? []) {
    const parts = parseEndpointNodeId(id);
    if (parts) addresses.add(parts.address);
  }
  return new Map([...report.dns].filter(([address]) => addresses.has(address)));
}
