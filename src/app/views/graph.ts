/**
 * The graph of one view: nodes, and for each pair the flows behind their edge.
 *
 * `buildGraph` is the one place that carries flows from their ends to nodes; a view only says where an end belongs (`place`)
 * and which nodes exist without any flow.
 */
import type { Node } from '../../report/model/model.js';
import { isOutside, isUnanswered, nameOfAddressNode } from '../flows/external.js';
import type { JoinedEnd, JoinedFlow } from '../flows/joined-flow.js';
import type { Snapshot } from '../flows/snapshot.js';
import type { ViewEnd } from '../flows/view-end.js';

export const PSEUDO = 'pseudo';

export interface ViewNode {
  readonly id: string;
  /** Scope's topology name (`process`, `host`, `group:process:name` …), or `pseudo`. */
  readonly topology: string;
  /** The report's own node, where there is one. */
  readonly node?: Node | undefined;
  /** What it is called, where its id does not say so. */
  readonly naming?: { readonly label: string; readonly labelMinor: string } | undefined;
  /** Ids of what a group is made of. */
  readonly members?: readonly string[] | undefined;
}

export interface ViewGraph {
  readonly nodes: Map<string, ViewNode>;
  /** From node → to node → the flows between. Both ends are in `nodes`. */
  readonly edges: Map<string, Map<string, JoinedFlow[]>>;
  /** Nodes that options have hidden. */
  filtered: number;
}

/** Where an end belongs in a view: ids of nodes; none when it can't be known. Several for a pod of two services. */
export type Place = (end: ViewEnd) => readonly string[];

export interface ViewParts {
  /** Nodes that are there even without flows. */
  readonly nodes: Map<string, ViewNode>;
  readonly place: Place;
  /** Describes a node that `place` named and `nodes` lacks. */
  readonly describe: (id: string, end: ViewEnd) => ViewNode;
}

/** The unfiltered graph of a view. */
export function buildGraph(snapshot: Snapshot, parts: ViewParts): ViewGraph {
  const { nodes } = parts;
  const graph: ViewGraph = { nodes, edges: new Map(), filtered: 0 };
  const places = new Places(snapshot, parts);
  for (const flow of snapshot.flows) {
    const sources = places.ofClient(flow);
    const targets = places.ofServer(flow);
    for (const source of sources) {
      if (targets.length === 0) continue;
      const edges = edgesFrom(graph, source);
      for (const target of targets) {
        const known = edges.get(target);
        if (known === undefined) edges.set(target, [flow]);
        else known.push(flow);
      }
    }
  }
  return graph;
}

/** Places each end once, and adds the nodes that it is placed at. */
class Places {
  readonly #snapshot: Snapshot;
  readonly #parts: ViewParts;
  readonly #clients = new Map<JoinedEnd, readonly string[]>();
  readonly #servers = new Map<JoinedEnd, readonly string[]>();

  constructor(snapshot: Snapshot, parts: ViewParts) {
    this.#snapshot = snapshot;
    this.#parts = parts;
  }

  ofClient({ client }: JoinedFlow): readonly string[] {
    let ids = this.#clients.get(client);
    if (ids === undefined) this.#clients.set(client, (ids = this.#place(this.#snapshot.client(client))));
    return ids;
  }

  ofServer(flow: JoinedFlow): readonly string[] {
    const { via } = flow;
    const server = flow.failures.size > 0 ? this.#snapshot.serverEndOf(flow) : flow.server;
    // A machine without a probe is known by what was dialled, where that is something of the fleet.
    if (via !== '' && server.host === undefined) return this.#behind(server, via);
    let ids = this.#servers.get(server);
    if (ids === undefined) this.#servers.set(server, (ids = this.#place(this.#snapshot.server(server))));
    return ids;
  }

  #behind(server: JoinedEnd, via: string): readonly string[] {
    const view = this.#snapshot.server(server);
    const own = this.#parts.place(view);
    const dialled = this.#snapshot.dialled(via);
    if (dialled === undefined || !own.every(isOutside)) return this.#added(own, view);
    const ids = this.#parts.place(dialled);
    return ids.length === 0 || ids.some(isOutside) ? this.#added(own, view) : this.#added(ids, dialled);
  }

  #place(view: ViewEnd): readonly string[] {
    return this.#added(this.#parts.place(view), view);
  }

  #added(ids: readonly string[], view: ViewEnd): readonly string[] {
    const { nodes } = this.#parts;
    for (const id of ids) if (!nodes.has(id)) nodes.set(id, this.#describe(id, view));
    return ids;
  }

  #describe(id: string, view: ViewEnd): ViewNode {
    const naming = isUnanswered(id) ? this.#snapshot.unanswered.nameOf(id) : nameOfAddressNode(id);
    return naming === undefined ? this.#parts.describe(id, view) : { id, topology: PSEUDO, naming };
  }
}

function edgesFrom(graph: ViewGraph, source: string): Map<string, JoinedFlow[]> {
  let edges = graph.edges.get(source);
  if (edges === undefined) graph.edges.set(source, (edges = new Map<string, JoinedFlow[]>()));
  return edges;
}

/** Sorted ids that `id` has edges to with connects that failed. */
export function failingOf(graph: ViewGraph, id: string): string[] {
  const failing: string[] = [];
  for (const [to, flows] of graph.edges.get(id) ?? [])
    if (flows.some(({ failures }) => failures.size > 0)) failing.push(to);
  return failing.sort();
}

/** Sorted ids that `id` has edges to. */
export function adjacencyOf(graph: ViewGraph, id: string): string[] {
  return Array.from(graph.edges.get(id)?.keys() ?? []).sort();
}
