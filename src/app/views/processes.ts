/**
 * Processes: each with the machine it runs on, and who it talks to; and the same grouped by name.
 */
import { latestOf } from '../flows/endpoint.js';
import { externalNodeId, isPseudoId, SERVICE_PREFIX } from '../flows/external.js';
import { buildGraph, PSEUDO, type Place, type ViewGraph, type ViewNode } from './graph.js';
import type { Snapshot } from '../flows/snapshot.js';

const PROCESS_NAME_GROUP = 'group:process:name';

/** Where `inside` puts an endpoint; one that no probe owns and nothing inside claims may be outside the fleet. */
export function placeOutsideOr(snapshot: Snapshot, inside: Place): Place {
  return (endpoint) => {
    const ids = inside(endpoint);
    if (ids.length > 0 || endpoint.hostNode !== undefined) return ids;
    const external = externalNodeId(endpoint, snapshot.addresses);
    // A service known by name stays what it is, whether it answers or not.
    const isService = external?.startsWith(SERVICE_PREFIX) === true;
    const id = isService ? external : (snapshot.unanswered.nodeIdOf(endpoint) ?? external);
    return id === undefined ? [] : [id];
  };
}

export function processGraph(snapshot: Snapshot): ViewGraph {
  const processes = snapshot.nodes('Process');
  const nodes = new Map<string, ViewNode>();
  // Before any probe's first process list nothing can be named: an empty graph says so better than bare PIDs.
  if (processes.size === 0) return { nodes, edges: new Map(), filtered: 0 };
  for (const [id, node] of processes) nodes.set(id, { id, topology: 'process', node });
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, ({ process }) => (process === undefined ? [] : [process])),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : 'process' }),
  });
}

export function processNameGraph(snapshot: Snapshot): ViewGraph {
  const processes = snapshot.nodes('Process');
  const members = new Map<string, string[]>();
  for (const [id, node] of processes) {
    const name = latestOf(node, 'name');
    if (name === undefined) continue;
    const group = members.get(name);
    if (group === undefined) members.set(name, [id]);
    else group.push(id);
  }
  const nodes = new Map<string, ViewNode>();
  for (const [name, ids] of members)
    nodes.set(name, { id: name, topology: PROCESS_NAME_GROUP, members: ids });
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, ({ process }) => {
      const name = process === undefined ? undefined : latestOf(processes.get(process), 'name');
      return name === undefined ? [] : [name];
    }),
    describe: (id) => ({ id, topology: PSEUDO }),
  });
}
