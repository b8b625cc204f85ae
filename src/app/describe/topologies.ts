/**
 * Scope's names for things: a report topology's key, its node name, its shape, and the view its nodes link to.
 */
import type { Report, Topology, TopologyKey } from '../../report/model/model.js';

interface Naming {
  readonly key: TopologyKey;
  readonly shape: string;
  readonly label: string;
  readonly labelPlural: string;
  /** The view where such a node is found. */
  readonly view: string;
}

const NAMINGS: ReadonlyMap<string, Naming> = new Map<string, Naming>([
  [
    'process',
    { key: 'Process', shape: 'square', label: 'process', labelPlural: 'processes', view: 'processes' },
  ],
  [
    'container',
    { key: 'Container', shape: 'hexagon', label: 'container', labelPlural: 'containers', view: 'containers' },
  ],
  [
    'container_image',
    {
      key: 'ContainerImage',
      shape: 'hexagon',
      label: 'image',
      labelPlural: 'images',
      view: 'containers-by-image',
    },
  ],
  ['pod', { key: 'Pod', shape: 'heptagon', label: 'pod', labelPlural: 'pods', view: 'pods' }],
  [
    'service',
    { key: 'Service', shape: 'heptagon', label: 'service', labelPlural: 'services', view: 'services' },
  ],
  [
    'deployment',
    {
      key: 'Deployment',
      shape: 'heptagon',
      label: 'deployment',
      labelPlural: 'deployments',
      view: 'kube-controllers',
    },
  ],
  [
    'daemonset',
    {
      key: 'DaemonSet',
      shape: 'pentagon',
      label: 'daemonset',
      labelPlural: 'daemonsets',
      view: 'kube-controllers',
    },
  ],
  [
    'statefulset',
    {
      key: 'StatefulSet',
      shape: 'octagon',
      label: 'stateful set',
      labelPlural: 'stateful sets',
      view: 'kube-controllers',
    },
  ],
  [
    'cronjob',
    {
      key: 'CronJob',
      shape: 'triangle',
      label: 'cron job',
      labelPlural: 'cron jobs',
      view: 'kube-controllers',
    },
  ],
  ['job', { key: 'Job', shape: 'triangle', label: 'job', labelPlural: 'jobs', view: 'kube-controllers' }],
  ['host', { key: 'Host', shape: 'circle', label: 'host', labelPlural: 'hosts', view: 'hosts' }],
  ['overlay', { key: 'Overlay', shape: 'circle', label: 'peer', labelPlural: 'peers', view: 'weave' }],
  ['ecs_task', { key: 'ECSTask', shape: 'heptagon', label: 'task', labelPlural: 'tasks', view: 'ecs-tasks' }],
  [
    'ecs_service',
    { key: 'ECSService', shape: 'heptagon', label: 'service', labelPlural: 'services', view: 'ecs-services' },
  ],
  [
    'swarm_service',
    {
      key: 'SwarmService',
      shape: 'heptagon',
      label: 'service',
      labelPlural: 'services',
      view: 'swarm-services',
    },
  ],
]);

/** `group:process:name` is made of processes; any other topology of itself. */
export function memberTopology(topology: string): string {
  return topology.startsWith('group:') ? (topology.split(':')[1] ?? topology) : topology;
}

/** The report's topology for a node topology name, with what is known of it when no probe described it. */
export function describeTopology(
  report: Report,
  name: string,
): (Naming & { readonly topology: Topology | undefined }) | undefined {
  const naming = NAMINGS.get(memberTopology(name));
  if (naming === undefined) return undefined;
  const topology = report.topologies.get(naming.key);
  return {
    ...naming,
    topology,
    shape: nonEmpty(topology?.shape) ?? naming.shape,
    label: nonEmpty(topology?.label) ?? naming.label,
    labelPlural: nonEmpty(topology?.labelPlural) ?? naming.labelPlural,
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** Node topology names in the order parents are listed. */
export function parentTopologies(): Iterable<string> {
  return NAMINGS.keys();
}
