/** Endpoints of sockets that a test names, and the edges between them. */
import type { Node } from '../../src/report/model/model.js';
import { endpointsOf, type Circumstances, type Endpoints } from '../support/flow-state.js';
import { encode, type Socket } from './records.js';

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly fromPid: string | undefined;
  readonly toPid: string | undefined;
  readonly count: number;
}

/** @param more what is known besides the sockets */
export function build(sockets: readonly Socket[], more: Circumstances = {}): Endpoints {
  return endpointsOf(encode(sockets), more);
}

/** Sorted by their ends. */
export function edgesOf({ topology: { nodes } }: Pick<Endpoints, 'topology'>): Edge[] {
  return edgesBetween(nodes);
}

export function edgesBetween(nodes: ReadonlyMap<string, Node>): Edge[] {
  const edges: Edge[] = [];
  for (const [from, node] of nodes) {
    // A copy under a translated address is no further connection.
    if (node.latest?.has('copy_of') === true) continue;
    for (const to of node.adjacency ?? []) {
      edges.push({
        from,
        to,
        fromPid: node.latest?.get('pid')?.value,
        toPid: nodes.get(to)?.latest?.get('pid')?.value,
        count: Number(node.latest?.get('conn_count')?.value ?? 1),
      });
    }
  }
  return edges.sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
}
