/** Builds endpoints of sockets and reads the edges out of them. */
import { buildEndpoints, type Endpoints } from '../../src/probe/topology/index.js';
import { now } from '../../src/report/model/timestamp.js';
import { encode, type Socket } from './records.js';

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly fromPid: string | undefined;
  readonly toPid: string | undefined;
  readonly count: number;
}

const NOW = now();

export function build(sockets: readonly Socket[]): Endpoints {
  return buildEndpoints({ ...encode(sockets), hostName: 'vm', now: NOW, names: () => undefined });
}

/** Sorted by their ends. */
export function edgesOf({ topology: { nodes } }: Endpoints): Edge[] {
  const edges: Edge[] = [];
  for (const [from, node] of nodes) {
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
