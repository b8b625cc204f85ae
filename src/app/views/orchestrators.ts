/**
 * Views of orchestrators other than Kubernetes: what containers say they belong to (ECS tasks and services, Swarm
 * services), and the peers of an overlay network, which are machines with links of their own.
 */
import type { TopologyKey } from '../../report/model/model.js';
import { containerFinder, presentContainers } from './containers.js';
import { isPseudoId } from '../flows/external.js';
import { buildGraph, PSEUDO, type ViewGraph, type ViewNode } from './graph.js';
import { placeOutsideOr } from './processes.js';
import type { Snapshot } from '../flows/snapshot.js';

/** Containers grouped by their parents of one topology. */
export function containerParentGraph(snapshot: Snapshot, topology: string, key: TopologyKey): ViewGraph {
  const parents = snapshot.nodes(key);
  const nodes = new Map<string, ViewNode & { members: string[] }>();
  if (parents.size === 0) return { nodes: new Map(), edges: new Map(), filtered: 0 };
  for (const [id, node] of parents) nodes.set(id, { id, topology, node, members: [] });
  const containers = presentContainers(snapshot);
  for (const [id, container] of containers) {
    for (const parent of container.parents?.get(topology) ?? []) nodes.get(parent)?.members.push(id);
  }
  const find = containerFinder(snapshot, containers);
  return buildGraph(snapshot, {
    nodes: new Map<string, ViewNode>(nodes),
    place: placeOutsideOr(snapshot, (view) => {
      const id = find(view);
      if (id === undefined) return [];
      return isPseudoId(id) ? [id] : (containers.get(id)?.parents?.get(topology) ?? []);
    }),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : topology }),
  });
}

/** Peers of an overlay network with the links that the overlay itself reports. */
export function overlayGraph(snapshot: Snapshot): ViewGraph {
  const peers = snapshot.nodes('Overlay');
  const nodes = new Map<string, ViewNode>();
  for (const [id, node] of peers) nodes.set(id, { id, topology: 'overlay', node });
  const edges: ViewGraph['edges'] = new Map();
  for (const [id, { adjacency = [] }] of peers) {
    const targets = adjacency.filter((peer) => peers.has(peer));
    if (targets.length > 0) edges.set(id, new Map(targets.map((peer) => [peer, []])));
  }
  return { nodes, edges, filtered: 0 };
}
