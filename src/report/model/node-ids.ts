/**
 * Node ids: how the same thing gets the same name from every probe. `;` joins the parts.
 *
 * An id is global unless what it names means something on one machine only; then a scope comes first.
 */
import type { TopologyKey } from './model.js';

const DELIMITER = ';';

/** Topology keys on the wire and what `Node.topology`, parents and ids call them. */
export const TOPOLOGY_NAMES: Readonly<Record<TopologyKey, string>> = {
  Endpoint: 'endpoint',
  Process: 'process',
  Container: 'container',
  ContainerImage: 'container_image',
  Pod: 'pod',
  Service: 'service',
  Deployment: 'deployment',
  ReplicaSet: 'replica_set',
  DaemonSet: 'daemonset',
  StatefulSet: 'statefulset',
  CronJob: 'cronjob',
  Job: 'job',
  Namespace: 'namespace',
  Host: 'host',
  Overlay: 'overlay',
  ECSTask: 'ecs_task',
  ECSService: 'ecs_service',
  SwarmService: 'swarm_service',
  PersistentVolume: 'persistent_volume',
  PersistentVolumeClaim: 'persistent_volume_claim',
  StorageClass: 'storage_class',
  VolumeSnapshot: 'volume_snapshot',
  VolumeSnapshotData: 'volume_snapshot_data',
};

export interface EndpointParts {
  /** Empty for addresses that mean the same everywhere. */
  readonly scope: string;
  readonly address: string;
  readonly port: string;
}

/** `scope;address;port`; see `loopbackScope` and `hostScope` for addresses that are not global. */
export function endpointNodeId(scope: string, address: string, port: number | string): string {
  return `${scope}${DELIMITER}${address}${DELIMITER}${port}`;
}

/** Undefined when the id is not of the form `scope;address;port`. */
export function parseEndpointNodeId(id: string): EndpointParts | undefined {
  const first = id.indexOf(DELIMITER);
  const second = first < 0 ? -1 : id.indexOf(DELIMITER, first + 1);
  if (second < 0 || id.includes(DELIMITER, second + 1)) return undefined;
  return { scope: id.slice(0, first), address: id.slice(first + 1, second), port: id.slice(second + 1) };
}

/** Loopback addresses mean something in one network namespace of one host. @param netns inode of the namespace */
export function loopbackScope(hostName: string, netns: number): string {
  return `${hostName}-${netns}`;
}

/** Addresses of networks that exist inside one host only (a container bridge). */
export function hostScope(hostName: string): string {
  return hostName;
}

/** The scope of an address as seen on `hostName` in the namespace with inode `netns`. */
export function scopeOf(address: string, hostName: string, netns: number, isHostLocal = false): string {
  if (isLoopback(address)) return loopbackScope(hostName, netns);
  return isHostLocal ? hostScope(hostName) : '';
}

/** True for 127.0.0.0/8 and ::1 as text in their usual form. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** `host;pid` */
export function processNodeId(hostName: string, pid: number | string): string {
  return `${hostName}${DELIMITER}${pid}`;
}

/** Undefined when the id is not of the form `host;pid`. */
export function parseProcessNodeId(id: string): { hostName: string; pid: string } | undefined {
  const end = id.lastIndexOf(DELIMITER);
  if (end < 0 || !/^\d+$/.test(id.slice(end + 1))) return undefined;
  return { hostName: id.slice(0, end), pid: id.slice(end + 1) };
}

/** `own;<kind>`: what everything but endpoints and processes is called. @param kind as in `TOPOLOGY_NAMES` */
export function nodeId(own: string, kind: string): string {
  return `${own}${DELIMITER}<${kind}>`;
}

/** Takes `own;<kind>` apart; undefined when the id is not of that form. */
export function parseNodeId(id: string): { own: string; kind: string } | undefined {
  const end = id.lastIndexOf(`${DELIMITER}<`);
  if (end < 0 || !id.endsWith('>')) return undefined;
  return { own: id.slice(0, end), kind: id.slice(end + 2, -1) };
}

/** `vm;<host>` */
export function hostNodeId(hostName: string): string {
  return nodeId(hostName, 'host');
}

/** @param containerId 64 hexadecimal digits */
export function containerNodeId(containerId: string): string {
  return nodeId(containerId, 'container');
}

export function containerImageNodeId(imageId: string): string {
  return nodeId(imageId, 'container_image');
}

export function podNodeId(uid: string): string {
  return nodeId(uid, 'pod');
}

export function serviceNodeId(uid: string): string {
  return nodeId(uid, 'service');
}

/** @param name a namespace is known by its name to probes that have no uid of it */
export function namespaceNodeId(name: string): string {
  return nodeId(name, 'namespace');
}
