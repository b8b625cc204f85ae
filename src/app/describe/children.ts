/**
 * What a node is made of, as the tables on its page: a machine's containers and processes, a pod's containers, …
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Node, Report } from '../../report/model/model.js';
import { hostNameOf, ownIdOf } from '../flows/own-id.js';
import { UNCONTAINED_PREFIX } from '../flows/external.js';
import { HOSTNAME_GROUP } from '../views/containers.js';
import { PSEUDO, type ViewNode } from '../views/graph.js';
import { compareText } from './rows.js';
import { summarise, type NodeSummary } from './summary.js';
import { describeTopology, memberTopology } from './topologies.js';

export interface ChildGroup {
  readonly id: string;
  readonly topologyId: string;
  readonly label: string;
  readonly nodes: readonly NodeSummary[];
  readonly columns: readonly {
    readonly id: string;
    readonly label: string;
    readonly dataType?: string;
    readonly defaultSort?: true;
  }[];
}

/** Outermost first, as the tables appear. */
const CHILD_TOPOLOGIES = ['pod', 'container', 'process'] as const;

export function childGroups(report: Report, view: ViewNode): ChildGroup[] {
  const groups: ChildGroup[] = [];
  for (const topology of CHILD_TOPOLOGIES) {
    if (topology === view.topology) continue;
    const naming = describeTopology(report, topology);
    const nodes: NodeSummary[] = [];
    for (const [id, node] of naming?.topology?.nodes ?? []) {
      if (belongs(report, topology, id, node, view)) nodes.push(summarise(report, { id, topology, node }));
    }
    if (nodes.length === 0 || naming === undefined) continue;
    nodes.sort((a, b) => compareText(a.label, b.label) || compareText(a.id, b.id));
    groups.push({
      id: naming.view,
      topologyId: naming.view,
      label: naming.labelPlural.charAt(0).toUpperCase() + naming.labelPlural.slice(1),
      nodes,
      columns: columnsOf(nodes),
    });
  }
  return groups;
}

/** Columns are the facts that the rows have, in the templates' order. */
function columnsOf(nodes: readonly NodeSummary[]): ChildGroup['columns'] {
  const columns = new Map<string, { id: string; label: string; dataType?: string; defaultSort?: true }>();
  for (const node of nodes) {
    for (const { id, label } of node.metrics ?? [])
      columns.set(id, { id, label, dataType: 'number', defaultSort: true });
    for (const { id, label, dataType } of node.metadata ?? [])
      columns.set(id, { id, label, ...(dataType ? { dataType } : {}) });
  }
  return Array.from(columns.values());
}

function belongs(
  report: Report,
  topology: (typeof CHILD_TOPOLOGIES)[number],
  id: string,
  node: Node,
  view: ViewNode,
): boolean {
  if (view.members !== undefined && memberTopology(view.topology) === topology)
    return view.members.includes(id);
  switch (view.topology) {
    case 'host':
      return (latestOf(node, FACT.hostNodeId) ?? node.parents?.get('host')?.[0]) === view.id;
    case 'container':
      return topology === 'process' && latestOf(node, FACT.containerId) === ownIdOf(view.id);
    case 'container_image':
    case HOSTNAME_GROUP:
    case 'pod':
      return view.members?.includes(id) === true && topology === 'container';
    case PSEUDO:
      return (
        topology === 'process' &&
        view.id.startsWith(UNCONTAINED_PREFIX) &&
        hostNameOf(id) === view.id.slice(UNCONTAINED_PREFIX.length) &&
        latestOf(node, FACT.containerId) === undefined
      );
    default:
      return topology === 'pod' && view.members?.includes(id) === true;
  }
}
