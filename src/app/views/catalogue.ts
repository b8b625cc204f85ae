/**
 * The views there are, their places in the menu, and the options each takes.
 */
import { hideUnconnected } from './filters.js';
import type { ViewGraph } from './graph.js';
import { hostGraph } from './hosts.js';
import { processGraph, processNameGraph } from './processes.js';
import type { Scene } from './scene.js';

export interface OptionGroup {
  readonly id: string;
  readonly defaultValue: string;
  /** `union`: several values may be given, joined by commas. */
  readonly selectType?: 'union';
  readonly noneLabel?: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

/** Chosen values by option id; what is absent has its default. */
export type Options = ReadonlyMap<string, string>;

export interface View {
  readonly id: string;
  readonly name: string;
  /** Order in the menu; 0 for views that are part of another. */
  readonly rank: number;
  /** Id of the view this one is part of. */
  readonly parent?: string;
  readonly hideIfEmpty: boolean;
  readonly options: (scene: Scene) => readonly OptionGroup[];
  /** The graph before options hide anything. */
  readonly graph: (scene: Scene) => ViewGraph;
  readonly filter: (graph: ViewGraph, options: Options, scene: Scene) => ViewGraph;
}

const UNCONNECTED: OptionGroup = {
  id: 'unconnected',
  defaultValue: 'hide',
  options: [
    { value: 'show', label: 'Show unconnected' },
    { value: 'hide', label: 'Hide unconnected' },
  ],
};

function chosen(options: Options, group: OptionGroup): string {
  return options.get(group.id) ?? group.defaultValue;
}

function filterUnconnected(graph: ViewGraph, options: Options): ViewGraph {
  return chosen(options, UNCONNECTED) === 'hide' ? hideUnconnected(graph) : graph;
}

export const VIEWS: readonly View[] = [
  {
    id: 'processes',
    name: 'Processes',
    rank: 1,
    hideIfEmpty: true,
    options: () => [UNCONNECTED],
    graph: processGraph,
    filter: filterUnconnected,
  },
  {
    id: 'processes-by-name',
    name: 'by name',
    rank: 0,
    parent: 'processes',
    hideIfEmpty: true,
    options: () => [UNCONNECTED],
    graph: processNameGraph,
    filter: filterUnconnected,
  },
  {
    id: 'hosts',
    name: 'Hosts',
    rank: 4,
    hideIfEmpty: false,
    options: () => [],
    graph: hostGraph,
    filter: (graph) => graph,
  },
];

const BY_ID = new Map(VIEWS.map((view) => [view.id, view]));

export function viewById(id: string): View | undefined {
  return BY_ID.get(id);
}

/** Only the options this view has, in a fixed order: the key under which its graph may be kept. */
export function optionsKey(view: View, options: Options, scene: Scene): string {
  return view
    .options(scene)
    .map((group) => `${group.id}=${chosen(options, group)}`)
    .join('&');
}
