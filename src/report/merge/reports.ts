/**
 * Merging reports: a join, so that the order in which reports arrive and how often they arrive make no difference.
 * Only the window and the sampling counts are sums.
 *
 * All versions of a node are gathered before they are merged, which costs what reading all reports once costs.
 */
import { canonicalText, greatestByText } from './canonical-text.js';
import type { FlowRow } from '../model/flow-row.js';
import type { Mutable } from '../model/mutable.js';
import { greatestOf, mergeMaps, mergeNodes, present } from './nodes.js';
import type { DnsNames, Node, Report, Timestamp, Topology, TopologyKey } from '../model/model.js';
import { unionOf } from '../model/string-sets.js';
import { compare, isZero } from '../model/timestamp.js';

/**
 * Of none: the empty report. Of one: that very report. The id is the greatest of the ids, so whoever sends a merged
 * report on as a new one gives it a new id.
 */
export function mergeReports(reports: Iterable<Report>): Report {
  const all = [...reports];
  if (all.length === 1) return all[0]!;
  const merged: Mutable<Report> = {
    id: greatestOf(all, (report) => report.id),
    topologies: mergeTopologyMaps(all),
    dns:
      mergeMaps(
        present(all, (report) => report.dns),
        mergeDnsNames,
      ) ?? new Map<string, DnsNames>(),
  };
  const timestamp = earliest(present(all, (report) => report.timestamp));
  const samplings = present(all, (report) => report.sampling);
  const windows = present(all, (report) => report.windowNanos);
  const plugins = mergePlugins(present(all, (report) => report.plugins));
  if (timestamp !== undefined) merged.timestamp = timestamp;
  if (samplings.length > 0) {
    merged.sampling = {
      count: sumOf(samplings.map(({ count }) => count)),
      total: sumOf(samplings.map(({ total }) => total)),
    };
  }
  if (windows.length > 0) merged.windowNanos = sumOf(windows);
  if (all.some((report) => report.shortcut)) merged.shortcut = true;
  if (plugins.length > 0) merged.plugins = plugins;
  const flows = present(all, (report) => report.flows);
  if (flows.length > 0) merged.flows = mergeFlowRows(flows);
  return merged;
}

/** What several sources say of one topology; at least one. */
export function mergeTopologies(...topologies: readonly Topology[]): Topology {
  return mergeTopologyList(topologies);
}

/** The names of one address from several reports. */
export function mergeDnsNames(versions: readonly DnsNames[]): DnsNames {
  const forward = unionOf(present(versions, (names) => names.forward));
  const reverse = unionOf(present(versions, (names) => names.reverse));
  const merged: Mutable<DnsNames> = {};
  if (forward.length > 0) merged.forward = forward;
  if (reverse.length > 0) merged.reverse = reverse;
  return merged;
}

/** A topology without its nodes: shape, labels, templates, controls. */
export type TopologyHead = Omit<Topology, 'nodes'>;

function mergeTopologyHeads(heads: readonly TopologyHead[]): TopologyHead {
  const merged: Mutable<TopologyHead> = {};
  for (const field of ['shape', 'tag', 'label', 'labelPlural'] as const) {
    const text = greatestOf(heads, (head) => head[field]);
    if (text !== '') merged[field] = text;
  }
  const metadataTemplates = mergeMaps(
    present(heads, (head) => head.metadataTemplates),
    greatestByText,
  );
  const metricTemplates = mergeMaps(
    present(heads, (head) => head.metricTemplates),
    greatestByText,
  );
  const tableTemplates = mergeMaps(
    present(heads, (head) => head.tableTemplates),
    greatestByText,
  );
  const controls = mergeMaps(
    present(heads, (head) => head.controls),
    greatestByText,
  );
  if (metadataTemplates !== undefined) merged.metadataTemplates = metadataTemplates;
  if (metricTemplates !== undefined) merged.metricTemplates = metricTemplates;
  if (tableTemplates !== undefined) merged.tableTemplates = tableTemplates;
  if (controls !== undefined) merged.controls = controls;
  return merged;
}

function mergeTopologyMaps(reports: readonly Report[]): Map<TopologyKey, Topology> {
  const byKey = new Map<TopologyKey, Topology[]>();
  for (const { topologies } of reports) {
    for (const [key, topology] of topologies) {
      const known = byKey.get(key);
      if (known === undefined) byKey.set(key, [topology]);
      else known.push(topology);
    }
  }
  const merged = new Map<TopologyKey, Topology>();
  for (const [key, topologies] of byKey) merged.set(key, mergeTopologyList(topologies));
  return merged;
}

function mergeTopologyList(topologies: readonly Topology[]): Topology {
  const [first, ...others] = topologies;
  if (first === undefined) return { nodes: new Map() };
  if (others.length === 0) return first;
  const nodes = new Map(first.nodes);
  const repeated = new Map<string, Node[]>();
  for (const other of others) {
    for (const [id, node] of other.nodes) {
      const known = nodes.get(id);
      if (known === undefined) {
        nodes.set(id, node);
        continue;
      }
      const versions = repeated.get(id);
      if (versions === undefined) repeated.set(id, [known, node]);
      else versions.push(node);
    }
  }
  for (const [id, versions] of repeated) nodes.set(id, mergeNodes(versions));
  return { ...mergeTopologyHeads(topologies), nodes };
}

/** Go's zero time says nothing. Of one instant in several zones, the one with the greatest offset. */
export function earliest(timestamps: readonly Timestamp[]): Timestamp | undefined {
  let found: Timestamp | undefined;
  for (const timestamp of timestamps) {
    if (isZero(timestamp)) continue;
    const order = found === undefined ? -1 : compare(timestamp, found);
    if (order < 0 || (order === 0 && timestamp.zoneMinutes > found!.zoneMinutes)) found = timestamp;
  }
  return found;
}

/** Plugins are one by their id; those without an id by all they say. In order of that. */
function mergePlugins(lists: readonly (readonly unknown[])[]): readonly unknown[] {
  const byId = new Map<string, unknown[]>();
  for (const plugin of lists.flat()) {
    const id = plugin instanceof Map ? (plugin as Map<string, unknown>).get('id') : undefined;
    const key = typeof id === 'string' ? `id ${id}` : `text ${canonicalText(plugin)}`;
    const known = byId.get(key);
    if (known === undefined) byId.set(key, [plugin]);
    else known.push(plugin);
  }
  return [...byId.keys()].sort().map((key) => greatestByText(byId.get(key)!));
}

/** A row is about its report's own time: all of them are kept, equal ones once. In order of what they state. */
export function mergeFlowRows(lists: readonly (readonly FlowRow[])[]): readonly FlowRow[] {
  const byText = new Map(lists.flat().map((row) => [canonicalText(row), row]));
  return [...byText.keys()].sort().map((text) => byText.get(text)!);
}

/** Counts that were capped when they were read stay capped. */
function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => Math.min(sum + count, Number.MAX_SAFE_INTEGER), 0);
}
