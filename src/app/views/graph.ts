/**
 * The graph of one view: nodes, and for each pair the connections behind their edge.
 *
 * `buildGraph` is the one place that carries connections from endpoints to nodes; a view only says where an
 * endpoint belongs (`place`) and which nodes exist without any connection.
 */
import type { Node } from '../../report/model/model.js';
import { realPeers, type EndpointFacts } from '../flows/endpoint.js';
import { isUnanswered } from '../flows/external.js';
import type { Link } from '../flows/flows.js';
import type { Snapshot } from '../flows/snapshot.js';
import { addTotals, noConnections, totalsOf, type ConnectionTotals } from '../flows/totals.js';

export const PSEUDO = 'pseudo';

export interface ViewNode {
  readonly id: string;
  /** Scope's topology name (`process`, `host`, `group:process:name` …), or `pseudo`. */
  readonly topology: string;
  /** The report's own node, where there is one. */
  readonly node?: Node | undefined;
  /** Name of the machine, for pseudo nodes that are per host. */
  readonly host?: string | undefined;
  /** What it is called, where its id does not tell. */
  readonly naming?: { readonly label: string; readonly labelMinor: string } | undefined;
  /** Ids of what a group is made of. */
  readonly members?: readonly string[] | undefined;
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
export function buildGraph(
  snapshot: Snapshot,
  { nodes, place, describe: describeOwn }: ViewParts,
): ViewGraph {
  const describe = (id: string): ViewNode =>
    isUnanswered(id) ? { id, topology: PSEUDO, naming: snapshot.unanswered.nameOf(id) } : describeOwn(id);
  const graph: ViewGraph = { nodes, edges: new Map(), filtered: 0 };
  const placed = new Map<EndpointFacts, readonly string[]>();
  const placeOnce = (facts: EndpointFacts): readonly string[] => {
    let ids = placed.get(facts);
    if (ids === undefined) {
      placed.set(facts, (ids = place(facts)));
      for (const id of ids) if (!nodes.has(id)) nodes.set(id, describe(id));
    }
    return ids;
  };
  const placeSource = sourcePlacer(place);
  for (const sink of snapshot.sinks()) placeOnce(sink);
  for (const { group, from, links } of snapshot.flows) {
    if (links.length === 0) continue;
    // Copies that a gateway made of connections it only forwards are owned by nobody: the client's own endpoint tells.
    const copies = group.copies ?? NO_COPIES;
    if (from.hostNode === undefined && copies.size > 0 && isToldByReal(snapshot, copies, links, placeOnce))
      continue;
    for (const source of placeSource(from)) {
      if (!nodes.has(source)) nodes.set(source, describe(source));
      const targets = targetsOf(graph, source);
      const reached = links.length > 1 ? new Set<string>() : undefined;
      for (const link of links) {
        for (const target of placeOnce(link.peer.facts)) {
          if (reached?.has(target) === true) continue; // the same connections, seen under a NATed address too
          reached?.add(target);
          const counted =
            group.copies === undefined
              ? link
              : new CopyLink(link, () => uncounted(snapshot, copies, target, placeOnce));
          const known = targets.get(target);
          if (known === undefined) targets.set(target, [counted]);
          else known.push(counted);
        }
      }
    }
  }
  for (const [source, targets] of graph.edges) if (targets.size === 0) graph.edges.delete(source);
  return graph;
}

/** Many groups open connections from the same process and address: each such pair is placed once. */
function sourcePlacer(place: Place): Place {
  const placed = new Map<string, Map<string, readonly string[]>>();
  return (from) => {
    if (from.scope !== '') return place(from);
    let byOwner = placed.get(from.address);
    if (byOwner === undefined) placed.set(from.address, (byOwner = new Map<string, readonly string[]>()));
    const owner = from.process ?? from.hostNode ?? '';
    let ids = byOwner.get(owner);
    if (ids === undefined) byOwner.set(owner, (ids = place(from)));
    return ids;
  };
}

const NO_COPIES: ReadonlyMap<string, string> = new Map();

/** What NAT copies add to an edge. Found out when asked for: most views only want to know that there is an edge. */
class CopyLink implements Link {
  readonly group: Link['group'];
  readonly peer: Link['peer'];
  readonly #count: () => ConnectionTotals;
  #totals: ConnectionTotals | undefined;

  constructor({ group, peer }: Link, count: () => ConnectionTotals) {
    this.group = group;
    this.peer = peer;
    this.#count = count;
  }

  get totals(): ConnectionTotals {
    return (this.#totals ??= this.#count());
  }
}

function targetsOf(graph: ViewGraph, source: string): Map<string, Link[]> {
  let targets = graph.edges.get(source);
  if (targets === undefined) graph.edges.set(source, (targets = new Map<string, Link[]>()));
  return targets;
}

/** A connection seen under its real and under its NATed source is one: the copy counts only where the real one does not lead. */
function uncounted(
  snapshot: Snapshot,
  copies: ReadonlyMap<string, string>,
  target: string,
  place: Place,
): ConnectionTotals {
  const counted = noConnections();
  for (const [copyId, realId] of copies) {
    const reached = realPeers(snapshot.endpoints.get(realId)?.adjacency ?? [], snapshot.endpoints);
    const alreadyCounted = reached.some(
      (id) => snapshot.endpoints.has(id) && place(snapshot.peer(id).facts).includes(target),
    );
    const copy = snapshot.endpoints.get(copyId);
    if (!alreadyCounted && copy !== undefined) addTotals(counted, totalsOf(copy));
  }
  return counted;
}

function isToldByReal(
  snapshot: Snapshot,
  copies: ReadonlyMap<string, string>,
  links: readonly Link[],
  place: Place,
): boolean {
  return links.every(({ peer }) =>
    place(peer.facts).every((target) => {
      const { connections, failed } = uncounted(snapshot, copies, target, place);
      return connections === 0 && failed === 0;
    }),
  );
}

/** Sum over an edge's links. */
export function edgeTotals(links: readonly Link[]): ConnectionTotals {
  const sum = noConnections();
  for (const link of links) addTotals(sum, link.totals);
  return sum;
}

/** Sorted ids that `id` has edges to with connects that failed. */
export function failingOf(graph: ViewGraph, id: string): string[] {
  const failing: string[] = [];
  for (const [to, links] of graph.edges.get(id) ?? [])
    if (links.some(({ group }) => group.failures.size > 0)) failing.push(to);
  return failing.sort();
}

/** Sorted ids that `id` has edges to. */
export function adjacencyOf(graph: ViewGraph, id: string): string[] {
  return Array.from(graph.edges.get(id)?.keys() ?? []).sort();
}
