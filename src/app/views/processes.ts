/**
 * Processes: each with the machine it runs on, and who it talks to; and the same grouped by name.
 */
import { FACT, latestOf } from '../../report/keys.js';
import { ambiguousNodeId, externalNodeId, isPseudoId, SERVICE_PREFIX } from '../flows/external.js';
import type { Snapshot } from '../flows/snapshot.js';
import { processNodeOf, type ViewEnd } from '../flows/view-end.js';
import { buildGraph, PSEUDO, type Place, type ViewGraph, type ViewNode } from './graph.js';

const PROCESS_NAME_GROUP = `group:process:${FACT.name}`;

/** Where `inside` puts an end; one that no probe saw and nothing inside claims may be outside of the fleet. */
export function placeOutsideOr(snapshot: Snapshot, inside: Place): Place {
  return (view) => {
    if (view.end.isAmbiguous) return [ambiguousNodeId(view)];
    const isServer = !view.opens && view.process === undefined;
    const unanswered = isServer ? snapshot.unanswered.nodeIdOf(view.end) : undefined;
    // Its machine is known, but nobody there answers.
    if (unanswered !== undefined && view.hostNode !== undefined) return [unanswered];
    const ids = inside(view);
    if (ids.length > 0 || view.hostNode !== undefined) return ids;
    const external = externalNodeId(view, snapshot.addresses);
    // A service known by name stays what it is, whether it answers or not.
    const isService = external?.startsWith(SERVICE_PREFIX) === true;
    const id = (isService ? undefined : unanswered) ?? external;
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
    describe: (id, view) =>
      isPseudoId(id) ? { id, topology: PSEUDO } : { id, topology: 'process', node: processNodeOf(view) },
  });
}

export function processNameGraph(snapshot: Snapshot): ViewGraph {
  const processes = snapshot.nodes('Process');
  const groups = new Map<string, string[]>();
  const nodes = new Map<string, ViewNode>();
  const addMember = (name: string, id: string): void => {
    const members = groups.get(name);
    if (members === undefined) {
      const added = [id];
      groups.set(name, added);
      nodes.set(name, { id: name, topology: PROCESS_NAME_GROUP, members: added });
    } else members.push(id);
  };
  for (const [id, node] of processes) {
    const name = latestOf(node, FACT.name);
    if (name !== undefined) addMember(name, id);
  }
  /** Processes of flows that have no node: they have ended. */
  const ended = new Set<string>();
  const nameOf = ({ process, end }: ViewEnd): string | undefined => {
    if (process === undefined) return undefined;
    const node = processes.get(process);
    if (node !== undefined) return latestOf(node, FACT.name);
    const name = end.process?.name ?? '';
    if (name === '') return undefined;
    if (!ended.has(process)) addMember(name, process);
    ended.add(process);
    return name;
  };
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, (view) => {
      const name = nameOf(view);
      return name === undefined ? [] : [name];
    }),
    describe: (id) => ({ id, topology: PSEUDO }),
  });
}
