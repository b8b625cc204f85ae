/**
 * One node's own page: its summary in full, what it is made of, and its connections in and out with their counts.
 */
import type { Report } from '../../report/model/model.js';
import { isOutside } from '../flows/external.js';
import { addFlow, addSums, noSums, type FlowSums } from '../flows/flow-sums.js';
import type { JoinedFlow } from '../flows/joined-flow.js';
import { adjacencyOf, failingOf, type ViewGraph, type ViewNode } from '../views/graph.js';
import { nameNode } from './labels.js';
import { compareText } from './rows.js';
import { summarise, type NodeSummary } from './summary.js';
import { childGroups, type ChildGroup } from './children.js';
import { measuredColumns, measurements, type Column } from './measurements.js';

export interface ConnectionRow {
  readonly id: string;
  /** Node on the other side. */
  readonly nodeId: string;
  readonly label: string;
  readonly labelMinor?: string;
  readonly metadata: readonly {
    readonly id: string;
    readonly label?: string;
    readonly value: string;
    readonly dataType?: string;
  }[];
}

export interface ConnectionsSummary {
  readonly id: 'incoming-connections' | 'outgoing-connections';
  readonly topologyId: string;
  readonly label: 'Inbound' | 'Outbound';
  readonly columns: readonly Column[];
  readonly connections: readonly ConnectionRow[];
}

export interface NodeDetails extends NodeSummary {
  readonly controls: readonly never[];
  readonly children: readonly ChildGroup[];
  readonly connections: readonly ConnectionsSummary[];
}

const PORT: Column = { id: 'port', label: 'Port', dataType: 'number' };
const COUNT: Column = { id: 'count', label: 'Count', defaultSort: true, dataType: 'number' };
const REMOTE: Column = { id: 'remote', label: 'Remote' };

/** Details of one node of `graph`, which is a graph of view `viewId`. */
export function nodeDetails(report: Report, viewId: string, graph: ViewGraph, view: ViewNode): NodeDetails {
  return {
    ...summarise(report, view, {
      full: true,
      adjacency: adjacencyOf(graph, view.id),
      failing: failingOf(graph, view.id),
    }),
    controls: [],
    children: childGroups(report, view),
    connections: [
      {
        id: 'incoming-connections',
        topologyId: viewId,
        label: 'Inbound',
        ...table(report, graph, incoming(graph, view.id), 'from', isOutside(view.id)),
      },
      {
        id: 'outgoing-connections',
        topologyId: viewId,
        label: 'Outbound',
        ...table(report, graph, outgoing(graph, view.id), 'to', isOutside(view.id)),
      },
    ],
  };
}

/** Most connections first; columns for measurements only where some probe made them, which Scope's never do. */
function table(
  report: Report,
  graph: ViewGraph,
  legs: Iterable<Leg>,
  otherSide: 'from' | 'to',
  ownOutside: boolean,
): Pick<ConnectionsSummary, 'columns' | 'connections'> {
  const rows = Array.from(sumLegs(report, legs, otherSide, ownOutside)).sort(
    ([a, left], [b, right]) => right.sums.connections - left.sums.connections || compareText(a, b),
  );
  const all = noSums();
  for (const [, { sums: one }] of rows) addSums(all, one);
  return {
    columns: [...(ownOutside ? [REMOTE] : []), PORT, COUNT, ...measuredColumns(all)],
    connections: rows.map(([key, sum]) => connectionRow(report, graph, key, sum)),
  };
}

type Leg = readonly [other: string, flows: readonly JoinedFlow[]];

function* incoming(graph: ViewGraph, id: string): Iterable<Leg> {
  for (const [from, targets] of graph.edges) {
    const flows = targets.get(id);
    if (flows !== undefined) yield [from, flows];
  }
}

function outgoing(graph: ViewGraph, id: string): Iterable<Leg> {
  return graph.edges.get(id) ?? [];
}

interface Sum {
  readonly other: string;
  readonly remote: string;
  readonly own: string;
  readonly port: string;
  readonly sums: FlowSums;
}

/** Sums connections by the other node and the server's port; those of nodes outside of the fleet are told apart by address. */
function sumLegs(
  report: Report,
  legs: Iterable<Leg>,
  otherSide: 'from' | 'to',
  ownOutside: boolean,
): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const [other, flows] of legs) {
    for (const flow of flows) {
      const from = addressName(report, flow.client.address);
      const to = addressName(report, flow.server.address);
      const port = String(flow.server.port);
      const remote = isOutside(other) ? (otherSide === 'from' ? from : to) : '';
      const own = ownOutside ? (otherSide === 'from' ? to : from) : '';
      const key = [other, remote, own, port].join('-');
      let sum = sums.get(key);
      if (sum === undefined) sums.set(key, (sum = { other, remote, own, port, sums: noSums() }));
      addFlow(sum.sums, flow);
    }
  }
  return sums;
}

function connectionRow(report: Report, graph: ViewGraph, id: string, sum: Sum): ConnectionRow {
  const other = graph.nodes.get(sum.other);
  const naming = other === undefined ? { label: sum.other, labelMinor: '' } : nameNode(report, other);
  const label = sum.remote === '' ? naming.label : sum.remote;
  return {
    id,
    nodeId: sum.other,
    label,
    ...(naming.labelMinor === '' ? {} : { labelMinor: naming.labelMinor }),
    metadata: [
      ...(sum.own === '' ? [] : [{ id: 'remote', value: sum.own }]),
      { id: 'port', value: sum.port, dataType: 'number' },
      { id: 'count', value: String(sum.sums.connections), dataType: 'number' },
      ...measurements(sum.sums),
    ],
  };
}

/** The best name for an address, with the address itself: `example.org (192.0.2.1)`. */
function addressName(report: Report, address: string): string {
  const names = report.dns.get(address);
  const name = names?.forward?.[0] ?? names?.reverse?.[0];
  return name === undefined ? address : `${name} (${address})`;
}
