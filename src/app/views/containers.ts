/**
 * Containers: joined to connections by the process that holds them, else by the container's own addresses and
 * published ports; and the same grouped by image and by DNS name.
 */
import { FACT, latestOf } from '../../report/keys.js';
import { containerNodeId } from '../../report/model/node-ids.js';
import type { Node } from '../../report/model/model.js';
import { hostNameOf } from '../flows/own-id.js';
import { isPseudoId, UNCONTAINED_PREFIX } from '../flows/external.js';
import { buildGraph, PSEUDO, type ViewGraph, type ViewNode } from './graph.js';
import { imageNameOf, withoutTag } from '../flows/images.js';
import { isLinkOnly } from '../flows/networks.js';
import { placeOutsideOr } from './processes.js';
import type { Snapshot } from '../flows/snapshot.js';
import type { ViewEnd } from '../flows/view-end.js';

export const HOSTNAME_GROUP = `group:container:${FACT.containerHostname}`;

/** `0.0.0.0:8080->80/tcp` or with a real address. */
const PUBLISHED_PORT = /^([0-9.]+):([0-9]+)->[0-9]+\/tcp$/;

/** `scope;address;` or `scope;address;port` → node id; empty when several nodes have the address. */
export type AddressIndex = ReadonlyMap<string, string>;

/** Files ids under the addresses that `addresses` gives; an address of several nodes tells nothing. */
export function indexAddresses(
  nodes: ReadonlyMap<string, Node>,
  addresses: (node: Node) => Iterable<string>,
): AddressIndex {
  const index = new Map<string, string>();
  for (const [id, node] of nodes) {
    for (const address of addresses(node)) {
      const known = index.get(address);
      index.set(address, known === undefined || known === id ? id : '');
    }
  }
  return index;
}

/** The node that an end's address belongs to. */
export function byAddress(
  index: AddressIndex,
  { end: { scope, address, port } }: ViewEnd,
): string | undefined {
  if (index.size === 0) return undefined;
  const id = index.get(`${scope};${address};`) ?? index.get(`${scope};${address};${port}`);
  return id === '' ? undefined : id;
}

function* containerAddresses(node: Node): Iterable<string> {
  if (latestOf(node, FACT.doesNotMakeConnections) !== undefined) return;
  // What connects from a host's address may be any of its processes.
  if (latestOf(node, FACT.containerIsInHostNetwork) !== undefined) return;
  for (const scoped of node.sets?.get(FACT.containerIpsWithScopes) ?? []) {
    const separator = scoped.indexOf(';');
    const address = scoped.slice(separator + 1);
    if (separator >= 0 && !isLinkOnly(address)) yield `${scoped};`;
  }
  for (const mapping of node.sets?.get(FACT.containerPorts) ?? []) {
    const match = PUBLISHED_PORT.exec(mapping);
    if (match !== null) yield `;${match[1]!};${match[2]!}`;
  }
}

/** Containers that have not been deleted. */
export function presentContainers(snapshot: Snapshot): Map<string, Node> {
  const containers = new Map<string, Node>();
  for (const [id, node] of snapshot.nodes('Container')) {
    if (latestOf(node, FACT.containerState) !== 'deleted') containers.set(id, node);
  }
  return containers;
}

/** Finds the container of an end, or the machine's "uncontained" node when its process is in none. */
export function containerFinder(
  snapshot: Snapshot,
  containers: ReadonlyMap<string, Node>,
): (view: ViewEnd) => string | undefined {
  const processes = snapshot.nodes('Process');
  const index = indexAddresses(containers, containerAddresses);
  const idOf = (process: string): string | undefined => {
    const own = latestOf(processes.get(process), FACT.containerId);
    return own === undefined ? undefined : containerNodeId(own);
  };
  const idsByProcess = new Map<string, string | undefined>();
  return (view) => {
    const { process } = view;
    if (process !== undefined && !idsByProcess.has(process)) idsByProcess.set(process, idOf(process));
    const id = process === undefined ? undefined : idsByProcess.get(process);
    if (id !== undefined) return snapshot.nodes('Container').has(id) && !containers.has(id) ? undefined : id;
    const found = byAddress(index, view);
    if (found !== undefined) return found;
    return process === undefined ? undefined : UNCONTAINED_PREFIX + hostNameOf(process);
  };
}

export function containerGraph(snapshot: Snapshot): ViewGraph {
  const containers = presentContainers(snapshot);
  const nodes = new Map<string, ViewNode>();
  for (const [id, node] of containers) nodes.set(id, { id, topology: 'container', node });
  const find = containerFinder(snapshot, containers);
  return buildGraph(snapshot, {
    nodes,
    place: placeOutsideOr(snapshot, (view) => listOf(find(view))),
    describe: (id) => ({ id, topology: isPseudoId(id) ? PSEUDO : 'container' }),
  });
}

/** Containers of one image whatever its tag. */
export function imageGraph(snapshot: Snapshot): ViewGraph {
  return groupedGraph(snapshot, (node) => {
    const image = imageNameOf(snapshot.report, node);
    return image === undefined
      ? undefined
      : { id: `${withoutTag(image)};<container_image>`, topology: 'container_image' };
  });
}

/** Containers that share a host name. */
export function hostnameGraph(snapshot: Snapshot): ViewGraph {
  return groupedGraph(snapshot, (node) => {
    const name = latestOf(node, FACT.containerHostname);
    return name === undefined || name === '' ? undefined : { id: name, topology: HOSTNAME_GROUP };
  });
}

function groupedGraph(
  snapshot: Snapshot,
  groupOf: (node: Node) => { id: string; topology: string } | undefined,
): ViewGraph {
  const containers = presentContainers(snapshot);
  const groupIds = new Map<string, string>();
  const groups = new Map<string, ViewNode & { members: string[] }>();
  for (const [id, node] of containers) {
    const group = groupOf(node);
    if (group === undefined) continue;
    groupIds.set(id, group.id);
    const known = groups.get(group.id);
    if (known !== undefined) known.members.push(id);
    else groups.set(group.id, { ...group, node: imageNode(snapshot, group.topology, node), members: [id] });
  }
  const find = containerFinder(snapshot, containers);
  return buildGraph(snapshot, {
    nodes: new Map<string, ViewNode>(groups),
    place: placeOutsideOr(snapshot, (view) => {
      const id = find(view);
      if (id === undefined) return [];
      return isPseudoId(id) ? [id] : listOf(groupIds.get(id));
    }),
    describe: (id) => ({ id, topology: PSEUDO }),
  });
}

/** An image group shows the facts of an image; a group by name has none of its own. */
function imageNode(snapshot: Snapshot, topology: string, container: Node): Node | undefined {
  if (topology !== 'container_image') return undefined;
  const imageId = latestOf(container, FACT.imageId);
  return imageId === undefined
    ? undefined
    : snapshot.nodes('ContainerImage').get(`${imageId};<container_image>`);
}

function listOf(id: string | undefined): readonly string[] {
  return id === undefined ? [] : [id];
}
