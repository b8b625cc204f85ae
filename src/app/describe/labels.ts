/**
 * How a node is called: its label, the small print under it, and the rank that lays like beside like.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Report } from '../../report/model/model.js';
import { hostNameOf, ownIdOf } from '../flows/own-id.js';
import {
  INCOMING_INTERNET,
  OUTGOING_INTERNET,
  PRIVATE_PREFIX,
  SERVICE_PREFIX,
  UNCONTAINED_PREFIX,
  UNMANAGED_PREFIX,
} from '../flows/external.js';
import { PSEUDO, type ViewNode } from '../views/graph.js';
import { imageNameOf, withoutTag } from '../flows/images.js';
import { describeTopology } from './topologies.js';

export interface Naming {
  readonly label: string;
  readonly labelMinor: string;
  readonly rank: string;
  readonly shape: string;
  readonly stack: boolean;
  readonly pseudo: boolean;
}

export function nameNode(report: Report, view: ViewNode): Naming {
  if (view.naming !== undefined)
    return { ...view.naming, rank: view.naming.label, shape: 'square', stack: false, pseudo: true };
  if (view.topology === PSEUDO) return namePseudo(view.id);
  const shape = describeTopology(report, view.topology)?.shape ?? 'circle';
  const plain = { shape, stack: false, pseudo: false };
  if (view.topology.startsWith('group:')) {
    return { ...plain, label: view.id, rank: view.id, labelMinor: countOf(report, view), stack: true };
  }
  switch (view.topology) {
    case 'process':
      return { ...plain, ...nameProcess(report, view) };
    case 'container':
      return { ...plain, ...nameContainer(report, view) };
    case 'container_image':
      return { ...plain, ...nameImage(report, view), stack: true };
    case 'host':
      return { ...plain, ...nameHost(view) };
    case 'pod':
      return { ...plain, ...nameKubernetes(view), labelMinor: countOf(report, view) };
    default:
      return { ...plain, ...nameKubernetes(view), labelMinor: nameGroupMinor(report, view), stack: true };
  }
}

function namePseudo(id: string): Naming {
  const cloud = { rank: id, shape: 'cloud', stack: false, pseudo: true };
  if (id === INCOMING_INTERNET) return { ...cloud, label: 'The Internet', labelMinor: 'Inbound connections' };
  if (id === OUTGOING_INTERNET)
    return { ...cloud, label: 'The Internet', labelMinor: 'Outbound connections' };
  const perHost = { rank: id, shape: 'square', stack: true, pseudo: true };
  for (const [prefix, label] of [
    [UNCONTAINED_PREFIX, 'Uncontained'],
    [UNMANAGED_PREFIX, 'Unmanaged'],
  ] as const) {
    if (id.startsWith(prefix)) return { ...perHost, label, labelMinor: id.slice(prefix.length) };
  }
  if (id.startsWith(PRIVATE_PREFIX))
    return { ...cloud, label: id.slice(PRIVATE_PREFIX.length), labelMinor: 'Other private network' };
  return {
    ...cloud,
    label: id.startsWith(SERVICE_PREFIX) ? id.slice(SERVICE_PREFIX.length) : id,
    labelMinor: '',
  };
}

function nameProcess(report: Report, { id, node }: ViewNode): Pick<Naming, 'label' | 'labelMinor' | 'rank'> {
  const host = hostNameOf(id);
  const pid = id.slice(host.length + 1);
  const name = latestOf(node, FACT.name) ?? '';
  const containerId = latestOf(node, FACT.containerId);
  const container =
    containerId === undefined
      ? undefined
      : report.topologies.get('Container')?.nodes.get(`${containerId};<container>`);
  const containerName = latestOf(container, FACT.containerName) ?? '';
  if (name !== '')
    return {
      label: name,
      labelMinor: `${host} (${containerName === '' ? '' : `${containerName}:`}${pid})`,
      rank: name,
    };
  return { label: pid, labelMinor: containerName === '' ? host : `${host} (${containerName})`, rank: host };
}

function nameHost({ id }: ViewNode): Pick<Naming, 'label' | 'labelMinor' | 'rank'> {
  const host = hostNameOf(id);
  const dot = host.indexOf('.');
  if (dot < 0) return { label: host, labelMinor: '', rank: '' };
  const domain = host.slice(dot + 1);
  return { label: host.slice(0, dot), labelMinor: domain, rank: domain };
}

/** Names given by an orchestrator say more than the runtime's own. */
const CONTAINER_NAME_KEYS = [
  `${FACT.containerLabelPrefix}com.amazonaws.ecs.container-name`,
  `${FACT.containerLabelPrefix}io.kubernetes.container.name`,
  `${FACT.containerEnvPrefix}MARATHON_APP_ID`,
  FACT.containerName,
  FACT.containerHostname,
];

function nameContainer(
  report: Report,
  { id, node }: ViewNode,
): Pick<Naming, 'label' | 'labelMinor' | 'rank'> {
  const label =
    CONTAINER_NAME_KEYS.map((key) => latestOf(node, key)).find((name) => name !== undefined && name !== '') ??
    ownIdOf(id);
  const hostNode = latestOf(node, FACT.hostNodeId) ?? node?.parents?.get('host')?.[0];
  const host = hostNode === undefined ? '' : hostNameOf(hostNode);
  const image = imageNameOf(report, node);
  return { label, labelMinor: host, rank: image === undefined ? host : withoutTag(image) };
}

function nameImage(report: Report, view: ViewNode): Pick<Naming, 'label' | 'labelMinor' | 'rank'> {
  const name = ownIdOf(view.id);
  const imageId = latestOf(view.node, FACT.imageId);
  const label = name === '<none>' && imageId !== undefined ? imageId.slice(0, 12) : name;
  return { label, labelMinor: countOf(report, view), rank: name };
}

function nameKubernetes({ id, node }: ViewNode): Pick<Naming, 'label' | 'labelMinor' | 'rank'> {
  const label = latestOf(node, FACT.kubernetesName) ?? latestOf(node, FACT.weavePeerNickName) ?? ownIdOf(id);
  const namespace = latestOf(node, FACT.kubernetesNamespace);
  return { label, labelMinor: '', rank: namespace === undefined ? label : `${namespace}/${label}` };
}

const CONTROLLER_NAMES: ReadonlyMap<string, string> = new Map([
  ['deployment', 'Deployment'],
  ['daemonset', 'DaemonSet'],
  ['statefulset', 'StatefulSet'],
  ['cronjob', 'CronJob'],
  ['job', 'Job'],
]);

function nameGroupMinor(report: Report, view: ViewNode): string {
  const count = countOf(report, view);
  const controller = CONTROLLER_NAMES.get(view.topology);
  return controller === undefined ? count : `${controller} of ${count}`;
}

/** "3 pods": what a node is made of. Empty where it is not counted. */
function countOf(report: Report, { members, topology }: ViewNode): string {
  if (members === undefined) return '';
  const what =
    topology === 'pod' || topology === 'container_image'
      ? 'container'
      : topology.startsWith('group:')
        ? topology
        : 'pod';
  const naming = describeTopology(report, what);
  return `${members.length} ${members.length === 1 ? (naming?.label ?? what) : (naming?.labelPlural ?? `${what}s`)}`;
}
