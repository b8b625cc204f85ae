/**
 * Pods, and the controllers and services they belong to. A connection finds its pod by the container of its process,
 * else by the pod's address; a service also by its cluster address, which is where clients send before NAT.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Node } from '../../report/model/model.js';
import { byAddress, containerFinder, indexAddresses, presentContainers } from './containers.js';
import { hostNameOf, ownIdOf } from '../flows/own-id.js';
import { isPseudoId, UNCONTAINED_PREFIX, UNMANAGED_PREFIX } from '../flows/external.js';
import { buildGraph, PSEUDO, type Place, type ViewGraph, type ViewNode } from './graph.js';
import { placeOutsideOr } from './processes.js';
import type { Snapshot } from '../flows/snapshot.js';
import type { ViewEnd } from '../flows/view-end.js';

const CONTROLLER_TOPOLOGIES = [
  ['deployment', 'Deployment'],
  ['daemonset', 'DaemonSet'],
  ['statefulset', 'StatefulSet'],
  ['cronjob', 'CronJob'],
  ['job', 'Job'],
] as const;

const GONE = new Set(['deleted', 'failed', 'Failed', 'Succeeded']);

function hasKubernetes(snapshot: Snapshot): boolean {
  return snapshot.nodes('Pod').size + snapshot.nodes('Service').size > 0;
}

/** Pods that have not ended. */
function presentPods(snapshot: Snapshot): Map<string, Node> {
  const pods = new Map<string, Node>();
  for (const [id, node] of snapshot.nodes('Pod'))
    if (!GONE.has(latestOf(node, FACT.kubernetesState) ?? '')) pods.set(id, node);
  return pods;
}

function* ownAddress(node: Node): Iterable<string> {
  const address = latestOf(node, FACT.kubernetesIp);
  if (
    address !== undefined &&
    address !== '' &&
    address !== 'None' &&
    latestOf(node, FACT.kubernetesIsInHostNetwork) === undefined
  ) {
    yield `;${address};`;
  }
}

/** Ids of the pods of an end; the machine's "unmanaged" node when what holds it is in no pod. */
function podPlace(snapshot: Snapshot, pods: ReadonlyMap<string, Node>): Place {
  const containers = presentContainers(snapshot);
  const findContainer = containerFinder(snapshot, containers);
  const index = indexAddresses(pods, ownAddress);
  return (view) => {
    const container = findContainer(view);
    if (container !== undefined && !container.startsWith(UNCONTAINED_PREFIX)) {
      const parents = (containers.get(container)?.parents?.get('pod') ?? []).filter((id) => pods.has(id));
      if (parents.length > 0) return parents;
    }
    const pod = byAddress(index, view);
    if (pod !== undefined) return [pod];
    if (container === undefined) return [];
    return [UNMANAGED_PREFIX + machineOf(container, containers, view)];
  };
}

function machineOf(container: string, containers: ReadonlyMap<string, Node>, view: ViewEnd): string {
  if (container.startsWith(UNCONTAINED_PREFIX)) return container.slice(UNCONTAINED_PREFIX.length);
  const node = containers.get(container);
  return hostNameOf(
    latestOf(node, FACT.hostNodeId) ?? node?.parents?.get('host')?.[0] ?? view.hostNode ?? '',
  );
}

/** Ids of a node's containers, by pod. */
function containersByPod(snapshot: Snapshot): Map<string, string[]> {
  const members = new Map<string, string[]>();
  for (const [id, node] of presentContainers(snapshot)) {
    for (const pod of node.parents?.get('pod') ?? []) {
      const list = members.get(pod);
      if (list === undefined) members.set(pod, [id]);
      else list.push(id);
    }
  }
  return members;
}

export function podGraph(snapshot: Snapshot): ViewGraph {
  const nodes = new Map<string, ViewNode>();
  if (!hasKubernetes(snapshot)) return { nodes, edges: new Map(), filtered: 0 };
  const pods = presentPods(snapshot);
  const members = containersByPod(snapshot);
  for (const [id, node] of pods) nodes.set(id, { id, topology: 'pod', node, members: members.get(id) ?? [] });
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, podPlace(snapshot, pods)),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : 'pod' }),
  });
}

export function controllerGraph(snapshot: Snapshot): ViewGraph {
  return podGroupGraph(snapshot, CONTROLLER_TOPOLOGIES, { orphans: 'unmanaged', byOwnAddress: false });
}

export function serviceGraph(snapshot: Snapshot): ViewGraph {
  return podGroupGraph(snapshot, [['service', 'Service']], { orphans: 'left out', byOwnAddress: true });
}

function podGroupGraph(
  snapshot: Snapshot,
  topologies: readonly (readonly [string, 'Service' | (typeof CONTROLLER_TOPOLOGIES)[number][1]])[],
  { orphans, byOwnAddress }: { orphans: 'unmanaged' | 'left out'; byOwnAddress: boolean },
): ViewGraph {
  const groups = new Map<string, ViewNode & { members: string[] }>();
  if (!hasKubernetes(snapshot)) return { nodes: new Map(), edges: new Map(), filtered: 0 };
  for (const [topology, key] of topologies) {
    for (const [id, node] of snapshot.nodes(key)) groups.set(id, { id, topology, node, members: [] });
  }
  const pods = presentPods(snapshot);
  const groupsOfPod = new Map<string, readonly string[]>();
  for (const [id, node] of pods) {
    const ids: string[] = [];
    for (const [topology] of topologies) {
      for (const group of node.parents?.get(topology) ?? []) {
        ids.push(group);
        let known = groups.get(group);
        if (known === undefined) groups.set(group, (known = { id: group, topology, members: [] }));
        known.members.push(id);
      }
    }
    groupsOfPod.set(id, ids);
  }
  const podsOf = podPlace(snapshot, pods);
  const services = byOwnAddress
    ? indexAddresses(snapshot.nodes('Service'), ownAddress)
    : new Map<string, string>();
  const place: Place = (view) => {
    const service = byAddress(services, view);
    if (service !== undefined) return [service];
    const found = new Set<string>();
    for (const pod of podsOf(view)) {
      if (isPseudoId(pod)) {
        found.add(pod);
        continue;
      }
      const ids = groupsOfPod.get(pod) ?? [];
      for (const id of ids) found.add(id);
      if (ids.length === 0 && orphans === 'unmanaged')
        found.add(UNMANAGED_PREFIX + machineOfPod(pods.get(pod), view));
    }
    return Array.from(found);
  };
  return buildGraph(snapshot, {
    nodes: new Map<string, ViewNode>(groups),
    place: placeOutsideOr(snapshot, place),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : topologyOfId(id) }),
  });
}

function machineOfPod(pod: Node | undefined, view: ViewEnd): string {
  const hostNode = latestOf(pod, FACT.hostNodeId) ?? pod?.parents?.get('host')?.[0] ?? view.hostNode;
  return hostNode === undefined ? '' : hostNameOf(hostNode);
}

/** `uid;<deployment>` → `deployment`. */
function topologyOfId(id: string): string {
  return id.slice(ownIdOf(id).length + 1).replace(/^<|>$/g, '');
}
