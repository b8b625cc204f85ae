/**
 * Machines, and which of them talk to each other. Here an endpoint's machine is enough; its process need not be known.
 */
import { isPseudoId } from '../flows/external.js';
import { buildGraph, PSEUDO, type ViewGraph, type ViewNode } from './graph.js';
import { placeOutsideOr } from './processes.js';
import type { Snapshot } from '../flows/snapshot.js';

export function hostGraph(snapshot: Snapshot): ViewGraph {
  const nodes = new Map<string, ViewNode>();
  for (const [id, node] of snapshot.nodes('Host')) nodes.set(id, { id, topology: 'host', node });
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, ({ hostNode }) => (hostNode === undefined ? [] : [hostNode])),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : 'host' }),
  });
}
