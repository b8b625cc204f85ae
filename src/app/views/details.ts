/**
 * One node's own page: its summary in full, what it is made of, and its connections in and out with their counts.
 */
import type { Report } from '../../report/model.js';
import { isInternet } from './external.js';
import type { EndpointFacts } from './endpoint.js';
import type { Link } from './flows.js';
import type { ViewGraph, ViewNode } from './graph.js';
import { nameNode } from './labels.js';
import { compareText } from './rows.js';
import { summarise, type NodeSummary } from './summary.js';
import { childGroups, type ChildGroup } from './children.js';

interface Column {
  readonly id: string;
  readonly label: string;
  readonly defaultSort?: true;
  readonly dataType?: string;
}

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
  const internet = isInternet(view.id);
  const columns = internet ? [REMOTE, PORT, COUNT] : [PORT, COUNT];
  return {
    ...summarise(report, view, {
      full: true,
      adjacency: Array.from(graph.edges.get(view.id)?.keys() ?? []).sort(),
    }),
    controls: [],
    children: childGroups(report, view),
    connections: [
      {
        id: 'incoming-connections',
        topologyId: viewId,
        label: 'Inbound',
        columns,
        connections: rows(report, graph, incoming(graph, view.id), 'from', internet),
      },
      {
        id: 'outgoing-connections',
        topologyId: viewId,
        label: 'Outbound',
        columns,
        connections: rows(report, graph, outgoing(graph, view.id), 'to', internet),
      },
    ],
  };
}

type Leg = readonly [other: string, links: readonly Link[]];

function* incoming(graph: ViewGraph, id: string): Iterable<Leg> {
  for (const [from, targets] of graph.edges) {
    const links = targets.get(id);
    if (links !== undefined) yield [from, links];
  }
}

function outgoing(graph: ViewGraph, id: string): Iterable<Leg> {
  return graph.edges.get(id) ?? [];
}

/** Sums connections by the other node and the server's port; an Internet node's are told apart by address. */
function rows(
  report: Report,
  graph: ViewGraph,
  legs: Iterable<Leg>,
  otherSide: 'from' | 'to',
  ownInternet: boolean,
): ConnectionRow[] {
  const sums = new Map<string, { other: string; remote: string; own: string; port: string; count: number }>();
  for (const [other, links] of legs) {
    for (const { group, peer, totals } of links) {
      const from = addressName(report, group.address);
      const to = addressName(report, peer.facts.address);
      const remote = isInternet(other) ? (otherSide === 'from' ? from : to) : '';
      const own = ownInternet ? (otherSide === 'from' ? to : from) : '';
      const key = [other, remote, own, peer.port].join('-');
      const sum = sums.get(key);
      if (sum === undefined)
        sums.set(key, { other, remote, own, port: peer.port, count: totals.connections });
      else sum.count += totals.connections;
    }
  }
  return Array.from(sums, ([key, sum]) => connectionRow(report, graph, key, sum)).sort(
    (a, b) => Number(countOf(b)) - Number(countOf(a)) || compareText(a.id, b.id),
  );
}

function connectionRow(
  report: Report,
  graph: ViewGraph,
  id: string,
  sum: { other: string; remote: string; own: string; port: string; count: number },
): ConnectionRow {
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
      { id: 'count', value: String(sum.count), dataType: 'number' },
    ],
  };
}

function countOf(row: ConnectionRow): string {
  return row.metadata.at(-1)?.value ?? '0';
}

/** The best name for an address, with the address itself: `example.org (192.0.2.1)`. */
function addressName(report: Report, address: EndpointFacts['address']): string {
  const names = report.dns.get(address);
  const name = names?.forward?.[0] ?? names?.reverse?.[0];
  return name === undefined ? address : `${name} (${address})`;
}
