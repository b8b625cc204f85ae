/**
 * A report without what the app knows already from an earlier one: facts that did not change, and nodes of which none
 * did. Pure. Whoever merges both has what it would have of the whole report, but for the times of unchanged facts; as
 * Scope's own probe does it.
 *
 * Kept whole: the host (readers tell probes apart by it), and every endpoint that has new connections, even when it
 * looks like one that was told of: these are others.
 */
import type {
  DnsNames,
  Latest,
  Metric,
  Node,
  Report,
  Topology,
  TopologyKey,
} from '../../report/model/model.js';
import { countsOf } from './connection-counts.js';

const KEPT_WHOLE: ReadonlySet<TopologyKey> = new Set(['Host']);

export function changesSince(base: Report, report: Report): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, topology] of report.topologies) {
    const known = base.topologies.get(key);
    topologies.set(key, known && !KEPT_WHOLE.has(key) ? changedTopology(known, topology) : topology);
  }
  const dns = new Map<string, DnsNames>();
  for (const [address, names] of report.dns) {
    const known = base.dns.get(address);
    if (!known || !isSame(known, names)) dns.set(address, names);
  }
  return { ...report, topologies, dns };
}

function changedTopology(known: Topology, topology: Topology): Topology {
  const { metadataTemplates, metricTemplates, tableTemplates, ...head } = topology;
  const nodes = new Map<string, Node>();
  for (const [id, node] of topology.nodes) {
    const before = known.nodes.get(id);
    const changed = before ? changedNode(before, node) : node;
    if (changed) nodes.set(id, changed);
  }
  return {
    ...head,
    ...(metadataTemplates && {
      metadataTemplates: entriesThatDiffer(known.metadataTemplates, metadataTemplates),
    }),
    ...(metricTemplates && { metricTemplates: entriesThatDiffer(known.metricTemplates, metricTemplates) }),
    ...(tableTemplates && tableTemplates !== known.tableTemplates && { tableTemplates }),
    nodes,
  };
}

/** Undefined when the node says nothing new. */
function changedNode(before: Node, node: Node): Node | undefined {
  const counts = countsOf(node);
  // Counts mean something only beside the edges they are of.
  const isNew = (counts?.fresh ?? 0) > 0 || before.topology !== node.topology;
  if (before === node && !isNew && !node.children) return undefined;
  if (isNew || !isSame(before.adjacency, node.adjacency)) return node;
  const { latest, sets, adjacency: _, metrics, parents, ...rest } = node;
  const changes = {
    ...optional('latest', latest && filtered(latest, (key, fact) => !isKnown(before.latest?.get(key), fact))),
    ...optional(
      'metrics',
      metrics && filtered(metrics, (key, one) => !isSameMetric(before.metrics?.get(key), one)),
    ),
    ...optional('sets', sets && entriesThatDiffer(before.sets, sets)),
    ...optional('parents', parents && entriesThatDiffer(before.parents, parents)),
  };
  return Object.keys(changes).length > 0 || node.children ? { ...rest, ...changes } : undefined;
}

function optional<Key extends string, Value extends { readonly size: number }>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value && value.size > 0 ? ({ [key]: value } as Record<Key, Value>) : {};
}

function filtered<Value>(
  all: ReadonlyMap<string, Value>,
  isWanted: (key: string, value: Value) => boolean,
): Map<string, Value> {
  const wanted = new Map<string, Value>();
  for (const [key, value] of all) if (isWanted(key, value)) wanted.set(key, value);
  return wanted;
}

const entriesThatDiffer = <Value>(
  known: ReadonlyMap<string, Value> | undefined,
  all: ReadonlyMap<string, Value>,
): Map<string, Value> => filtered(all, (key, value) => !isSame(known?.get(key), value));

function isKnown(before: Latest | undefined, fact: Latest): boolean {
  return before?.value === fact.value;
}

/** The last sample is what is shown; that it was taken again at the same height is not worth its bytes. */
function isSameMetric(before: Metric | undefined, metric: Metric): boolean {
  return (
    before?.min === metric.min &&
    before.max === metric.max &&
    metric.samples.length === 1 &&
    before.samples.at(-1)?.value === metric.samples[0]?.value
  );
}

/** Of small plain data. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && JSON.stringify(a) === JSON.stringify(b));
}
