/**
 * Which containers an option means: the system's own, those of applications, running or stopped ones.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Report } from '../../report/model/model.js';
import type { ViewNode } from './graph.js';
import { imageNameOf, withoutTag } from '../flows/images.js';

const SYSTEM_CONTAINERS = new Set([
  'weavescope',
  'weavedns',
  'weave',
  'weaveproxy',
  'weaveexec',
  'ecs-agent',
  'topoprobe',
]);
const SYSTEM_IMAGES = new Set([
  'swarm',
  'weaveworks/scope',
  'weaveworks/weavedns',
  'weaveworks/weave',
  'weaveworks/weaveproxy',
  'weaveworks/weaveexec',
  'amazon/amazon-ecs-agent',
  'openshift/origin-pod',
  'docker.io/openshift/origin-pod',
]);
/** The container that only holds a pod's network namespace. */
const PAUSE_IMAGE = /(^|\/)pause(-amd64|-arm|-arm64|-ppc64le|-s390x)?$/;
const SYSTEM_NAMESPACES = new Set(['kube-system']);
const ROLE = `${FACT.containerLabelPrefix}works.weave.role`;
const POD_NAMESPACE = `${FACT.containerLabelPrefix}io.kubernetes.pod.namespace`;

/** True for containers that are part of the platform rather than of what runs on it. */
export function isSystemContainer(report: Report, { node }: ViewNode): boolean {
  if (SYSTEM_CONTAINERS.has(latestOf(node, FACT.containerName) ?? '')) return true;
  const image = imageNameOf(report, node);
  if (image !== undefined) {
    const name = withoutTag(image);
    if (SYSTEM_IMAGES.has(name) || PAUSE_IMAGE.test(name)) return true;
  }
  if (latestOf(node, ROLE) === 'system') return true;
  return SYSTEM_NAMESPACES.has(latestOf(node, POD_NAMESPACE) ?? '');
}

const RUNNING_STATES = new Set(['running', 'restarting', 'paused']);

/** A container whose state nobody told is taken to run: it has connections. */
export function isRunningContainer({ node }: ViewNode): boolean {
  const state = latestOf(node, FACT.containerState);
  return state === undefined || RUNNING_STATES.has(state);
}
