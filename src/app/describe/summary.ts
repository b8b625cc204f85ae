/**
 * A node of a view as Scope's JSON (`NodeSummary`).
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Node, Report } from '../../report/model/model.js';
import type { ViewNode } from '../views/graph.js';
import { nameNode } from './labels.js';
import { metadataRows, metricRows, tables, type MetadataRow, type MetricRow, type Table } from './rows.js';
import { describeTopology, parentTopologies } from './topologies.js';

export interface ParentRow {
  readonly id: string;
  readonly label: string;
  readonly topologyId: string;
}

/** Empty and false fields are left out. */
export interface NodeSummary {
  readonly id: string;
  readonly label: string;
  readonly labelMinor: string;
  readonly rank: string;
  readonly shape?: string;
  readonly tag?: string;
  readonly stack?: true;
  readonly pseudo?: true;
  readonly metadata?: readonly MetadataRow[];
  readonly parents?: readonly ParentRow[];
  readonly metrics?: readonly MetricRow[];
  readonly tables?: readonly Table[];
  readonly adjacency?: readonly string[];
  /** Those of them that some connects failed to reach. */
  readonly failing?: readonly string[];
}

/** `full` adds what only a node's own page shows: metric samples and tables. */
export function summarise(
  report: Report,
  view: ViewNode,
  { full = false, adjacency = [] as readonly string[], failing = [] as readonly string[] } = {},
): NodeSummary {
  const { label, labelMinor, rank, shape, stack, pseudo } = nameNode(report, view);
  const topology = describeTopology(report, view.topology)?.topology;
  const { node } = view;
  const metadata = node === undefined ? [] : metadataRows(node, topology);
  const metrics = node === undefined ? [] : metricRows(node, topology, full);
  const ownTables = node === undefined || !full ? [] : tables(node, topology);
  const parents = node === undefined ? [] : parentRows(report, node);
  return {
    id: view.id,
    label,
    labelMinor,
    rank,
    ...(shape === '' ? {} : { shape }),
    ...(topology?.tag ? { tag: topology.tag } : {}),
    ...(stack ? { stack } : {}),
    ...(pseudo ? { pseudo } : {}),
    ...(metadata.length === 0 ? {} : { metadata }),
    ...(parents.length === 0 ? {} : { parents }),
    ...(metrics.length === 0 ? {} : { metrics }),
    ...(ownTables.length === 0 ? {} : { tables: ownTables }),
    ...(adjacency.length === 0 ? {} : { adjacency }),
    ...(failing.length === 0 ? {} : { failing }),
  };
}

/** What a node belongs to, as far as the report has it: machine, container, image, pod, … */
function parentRows(report: Report, node: Node): ParentRow[] {
  const rows: ParentRow[] = [];
  for (const topology of parentTopologies()) {
    const ids = new Set(node.parents?.get(topology));
    if (topology === 'host' && node.topology !== 'host') add(ids, latestOf(node, FACT.hostNodeId));
    if (topology === 'container' && node.topology === 'process') {
      const container = latestOf(node, FACT.containerId);
      if (container !== undefined) ids.add(`${container};<container>`);
    }
    const naming = ids.size === 0 ? undefined : describeTopology(report, topology);
    if (naming === undefined) continue;
    for (const id of ids) {
      const parent = naming.topology?.nodes.get(id);
      if (parent === undefined || id === node.id) continue;
      rows.push({
        id,
        label: nameNode(report, { id, topology, node: parent }).label,
        topologyId: naming.view,
      });
    }
  }
  return rows;
}

function add(ids: Set<string>, id: string | undefined): void {
  if (id !== undefined) ids.add(id);
}
