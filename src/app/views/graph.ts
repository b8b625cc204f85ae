/**
 * The graph of one view: nodes, and for each pair the connections behind their edge.
 *
 * `buildGraph` is the one place that carries connections from endpoints to nodes; a view only says where an
 * endpoint belongs (`place`) and which nodes exist without any connection.
 */
import type { Node } from '../../report/model.js';
import { addTotals, noConnections, totalsOf, type ConnectionTotals, type EndpointGroup } from './groups.js';
import { realPeers, type EndpointFacts } from './endpoint.js';
import type { Flow, Peer, Scene } from './scene.js';

export const PSEUDO = 'pseudo';

export interface ViewNode {
  readonly id: string;
  /** Scope's topology name (`process`, `host`, `group:process:name` …), or `pseudo`. */
  readonly topology: string;
  /** The report's own node, where there is one. */
  readonly node?: Node | undefined;
  /** Name of the machine, for pseudo nodes that are per host. */
  readonly host?: string | undefined;
  /** Ids of what a group is made of. */
  readonly members?: readonly string[] | undefined;
}

/** Connections of one group of endpoints to one peer, as they appear on an edge. */
export interface Link {
  readonly group: EndpointGroup;
  readonly peer: Peer;
  readonly totals: ConnectionTotals;
}

export interface ViewGraph {
  readonly nodes: Map<string, ViewNode>;
  /** From node → to node → what connects them. Both ends are in `nodes`. */
  readonly edges: Map<string, Map<string, Link[]>>;
  /** Nodes that options have hidden. */
  filtered: number;
}

/** Where an endpoint belongs in a view: ids of nodes; none when it cannot be told. Several for a pod of two services. */
export type Place = (endpoint: EndpointFacts) => readonly string[];

export interface ViewParts {
  /** Nodes that are there even without connections. */
  readonly nodes: Map<string, ViewNode>;
  readonly place: Place;
  /** Describes a node that `place` named and `nodes` lacks. */
  readonly describe: (id: string) => ViewNode;
}

/** The unfiltered graph of a view. */
export function buildGraph(scene: Scene, { nodes, place, describe }: ViewParts): ViewGraph {
  const graph: ViewGraph = { nodes, edges: new Map(), filtered: 0 };
  const placedPeers = new Map<EndpointFacts, readonly string[]>();
  const placePeer = (facts: EndpointFacts): readonly string[] => {
    let ids = placedPeers.get(facts);
    if (ids === undefined) {
      ids = place(facts);
      placedPeers.set(facts, ids);
      for (const id of ids) if (!nodes.has(id)) nodes.set(id, describe(id));
    }
    return ids;
  };
  for (const sink of scene.sinks()) placePeer(sink);
  for (const flow of scene.flows) {
    const sources = place(flow.from);
    for (const from of sources) {
      if (!nodes.has(from)) nodes.set(from, describe(from));
      const reached = new Set<string>();
      for (const peer of flow.peers) {
        for (const to of placePeer(peer.facts)) {
          if (reached.has(to)) continue; // the same connections, seen under a NATed address too
          reached.add(to);
          connect(graph, from, to, {
            group: flow.group,
            peer,
            totals: countedTotals(scene, flow, to, placePeer),
          });
        }
      }
    }
  }
  return graph;
}

function connect(graph: ViewGraph, from: string, to: string, link: Link): void {
  let targets = graph.edges.get(from);
  if (targets === undefined) graph.edges.set(from, (targets = new Map<string, Link[]>()));
  const links = targets.get(to);
  if (links === undefined) targets.set(to, [link]);
  else links.push(link);
}

/** A connection seen under its real and under its NATed source is one: the copy counts only where the real one does not lead. */
function countedTotals(scene: Scene, flow: Flow, to: string, placePeer: Place): ConnectionTotals {
  const { copies, totals } = flow.group;
  if (copies === undefined) return totals;
  const endpoints = scene.nodes('Endpoint');
  const counted = noConnections();
  for (const [copyId, realId] of copies) {
    const reached = realPeers(endpoints.get(realId)?.adjacency ?? [], endpoints);
    const alreadyCounted = reached.some(
      (id) => endpoints.has(id) && placePeer(scene.peer(id).facts).includes(to),
    );
    const copy = endpoints.get(copyId);
    if (!alreadyCounted && copy !== undefined) addTotals(counted, totalsOf(copy));
  }
  return counted;
}

/** Sum over an edge's links. */
export function edgeTotals(links: readonly Link[]): ConnectionTotals {
  const sum = noConnections();
  for (const link of links) addTotals(sum, link.totals);
  return sum;
}

/** Sorted ids that `id` has edges to. */
export function adjacencyOf(graph: ViewGraph, id: string): string[] {
  return Array.from(graph.edges.get(id)?.keys() ?? []).sort();
}
