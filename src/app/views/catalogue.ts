/**
 * The views there are, their places in the menu, and the options each takes.
 */
import { containerGraph, hostnameGraph, imageGraph } from './containers.js';
import type { ViewGraph } from './graph.js';
import { hostGraph } from './hosts.js';
import { controllerGraph, podGraph, serviceGraph } from './kubernetes.js';
import {
  dropIdlePseudo,
  NAMESPACE,
  SNAPSHOT,
  STOPPED,
  STORAGE,
  SYSTEM,
  UNCONNECTED,
  UNCONTAINED,
  UNMANAGED,
  type OptionGroup,
  type Options,
  type ViewOption,
} from './options.js';
import { containerParentGraph, overlayGraph } from './orchestrators.js';
import { processGraph, processNameGraph } from './processes.js';
import type { Snapshot } from '../flows/snapshot.js';

export interface View {
  readonly id: string;
  readonly name: string;
  /** Order in the menu; 0 for views that are part of another. */
  readonly rank: number;
  /** Id of the view this one is part of. */
  readonly parent?: string;
  readonly hideIfEmpty?: true;
  readonly options: readonly ViewOption[];
  /** The graph before options hide anything. */
  readonly graph: (snapshot: Snapshot) => ViewGraph;
}

const CONTAINER_OPTIONS = [SYSTEM, STOPPED, UNCONTAINED];

export const VIEWS: readonly View[] = [
  {
    id: 'processes',
    name: 'Processes',
    rank: 1,
    hideIfEmpty: true,
    options: [UNCONNECTED],
    graph: processGraph,
  },
  {
    id: 'processes-by-name',
    name: 'by name',
    rank: 0,
    parent: 'processes',
    hideIfEmpty: true,
    options: [UNCONNECTED],
    graph: processNameGraph,
  },
  { id: 'containers', name: 'Containers', rank: 2, options: CONTAINER_OPTIONS, graph: containerGraph },
  {
    id: 'containers-by-hostname',
    name: 'by DNS name',
    rank: 0,
    parent: 'containers',
    options: CONTAINER_OPTIONS,
    graph: hostnameGraph,
  },
  {
    id: 'containers-by-image',
    name: 'by image',
    rank: 0,
    parent: 'containers',
    options: CONTAINER_OPTIONS,
    graph: imageGraph,
  },
  {
    id: 'pods',
    name: 'Pods',
    rank: 3,
    hideIfEmpty: true,
    options: [SNAPSHOT, STORAGE, NAMESPACE, UNMANAGED],
    graph: podGraph,
  },
  {
    id: 'kube-controllers',
    name: 'Controllers',
    rank: 0,
    parent: 'pods',
    hideIfEmpty: true,
    options: [NAMESPACE, UNMANAGED],
    graph: controllerGraph,
  },
  {
    id: 'services',
    name: 'Services',
    rank: 0,
    parent: 'pods',
    hideIfEmpty: true,
    options: [NAMESPACE, UNMANAGED],
    graph: serviceGraph,
  },
  {
    id: 'ecs-tasks',
    name: 'Tasks',
    rank: 3,
    hideIfEmpty: true,
    options: [UNMANAGED],
    graph: (snapshot) => containerParentGraph(snapshot, 'ecs_task', 'ECSTask'),
  },
  {
    id: 'ecs-services',
    name: 'Services',
    rank: 0,
    parent: 'ecs-tasks',
    hideIfEmpty: true,
    options: [UNMANAGED],
    graph: (snapshot) => containerParentGraph(snapshot, 'ecs_service', 'ECSService'),
  },
  {
    id: 'swarm-services',
    name: 'Services',
    rank: 3,
    hideIfEmpty: true,
    options: [UNMANAGED],
    graph: (snapshot) => containerParentGraph(snapshot, 'swarm_service', 'SwarmService'),
  },
  { id: 'hosts', name: 'Hosts', rank: 4, options: [], graph: hostGraph },
  { id: 'weave', name: 'Weave Net', rank: 0, parent: 'hosts', options: [], graph: overlayGraph },
];

const BY_ID = new Map(VIEWS.map((view) => [view.id, view]));

export function viewById(id: string): View | undefined {
  return BY_ID.get(id);
}

/** The options a view offers now. */
export function offersOf(view: View, snapshot: Snapshot): OptionGroup[] {
  return view.options.map((option) => option.offer(snapshot));
}

/** What the chosen options leave of a view's own graph. */
export function applyOptions(view: View, graph: ViewGraph, options: Options, snapshot: Snapshot): ViewGraph {
  return view.options.reduce((left, option) => {
    const { id, defaultValue } = option.offer(snapshot);
    return option.apply(left, options.get(id) ?? defaultValue, snapshot);
  }, dropIdlePseudo(graph));
}

/** Only the options this view has, in a fixed order: the key under which its graph may be kept. */
export function optionsKey(view: View, options: Options, snapshot: Snapshot): string {
  return offersOf(view, snapshot)
    .map(({ id, defaultValue }) => `${id}=${options.get(id) ?? defaultValue}`)
    .join('&');
}
