/**
 * What options hide: nodes, and with them the edges that lead to them.
 */
import { isOutside, isUnplaced, SERVICE_PREFIX } from '../flows/external.js';
import { PSEUDO, type ViewGraph, type ViewNode } from './graph.js';

/** The graph without the nodes that `keep` refuses; pseudo nodes that lose all their edges go too. */
function filterGraph(graph: ViewGraph, keep: (node: ViewNode) => boolean): ViewGraph {
  const nodes = new Map<string, ViewNode>();
  for (const [id, node] of graph.nodes) if (keep(node)) nodes.set(id, node);
  const edges: ViewGraph['edges'] = new Map();
  const connected = new Set<string>();
  for (const [from, targets] of graph.edges) {
    if (!nodes.has(from)) continue;
    const kept = new Map(Array.from(targets).filter(([to]) => nodes.has(to)));
    if (kept.size === 0) continue;
    edges.set(from, kept);
    connected.add(from);
    for (const to of kept.keys()) connected.add(to);
  }
  for (const [id, node] of nodes) if (node.topology === PSEUDO && !connected.has(id)) nodes.delete(id);
  return { nodes, edges, filtered: graph.filtered + graph.nodes.size - nodes.size };
}

/** Hides nodes that have no edge to or from *another* node. */
export function hideUnconnected(graph: ViewGraph): ViewGraph {
  const connected = new Set<string>();
  for (const [from, targets] of graph.edges) {
    for (const to of targets.keys()) {
      if (to === from) continue;
      connected.add(from);
      connected.add(to);
    }
  }
  return filterGraph(graph, ({ id }) => connected.has(id));
}

/** Applies `keep` to real nodes only. */
export function filterReal(graph: ViewGraph, keep: (node: ViewNode) => boolean): ViewGraph {
  return filterGraph(graph, (node) => node.topology === PSEUDO || keep(node));
}

/** Hides "uncontained" and "unmanaged"; what is outside of the fleet, and known services, stay. */
export function hideUnmanaged(graph: ViewGraph): ViewGraph {
  return filterGraph(
    graph,
    ({ id, topology }) =>
      topology !== PSEUDO || isOutside(id) || isUnplaced(id) || id.startsWith(SERVICE_PREFIX),
  );
}
