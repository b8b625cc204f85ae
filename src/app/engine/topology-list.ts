/**
 * An entry of `/api/topology`: a view, its options and how much it shows under the options given.
 */
import type { Renderer } from './renderer.js';
import { offersOf, VIEWS, type View } from '../views/catalogue.js';
import type { OptionGroup, Options } from '../views/options.js';
import { PSEUDO, type ViewGraph } from '../views/graph.js';

export interface TopologyEntry {
  readonly name: string;
  readonly rank: number;
  readonly hide_if_empty: boolean;
  readonly options: readonly OptionGroup[];
  readonly url: string;
  readonly sub_topologies?: readonly TopologyEntry[];
  readonly stats: GraphStats;
}

export interface GraphStats {
  readonly node_count: number;
  readonly nonpseudo_node_count: number;
  readonly edge_count: number;
  readonly filtered_nodes: number;
}

export function topologyEntry(renderer: Renderer, view: View, options: Options): TopologyEntry {
  const { snapshot, graph } = renderer.graph(view, options);
  const parts = VIEWS.filter(({ parent }) => parent === view.id).map((part) =>
    topologyEntry(renderer, part, options),
  );
  return {
    name: view.name,
    rank: view.rank,
    hide_if_empty: view.hideIfEmpty ?? false,
    options: offersOf(view, snapshot),
    url: `/api/topology/${view.id}`,
    ...(parts.length === 0 ? {} : { sub_topologies: parts }),
    stats: statsOf(graph),
  };
}

function statsOf(graph: ViewGraph): GraphStats {
  let real = 0;
  let edges = 0;
  for (const { topology } of graph.nodes.values()) if (topology !== PSEUDO) real++;
  for (const targets of graph.edges.values()) edges += targets.size;
  return {
    node_count: graph.nodes.size,
    nonpseudo_node_count: real,
    edge_count: edges,
    filtered_nodes: graph.filtered,
  };
}
