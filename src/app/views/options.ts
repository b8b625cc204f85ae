/**
 * The options that views take, in Scope's words, and what each hides.
 */
import { FACT, latestOf } from '../../report/keys.js';
import { isRunningContainer, isSystemContainer } from './container-filters.js';
import { filterReal, hideUnconnected, hideUnmanaged } from './filters.js';
import { PSEUDO, type ViewGraph } from './graph.js';
import type { Snapshot } from '../flows/snapshot.js';

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

/** An option as views have it: how it is offered, and what a chosen value leaves of a graph. */
export interface ViewOption {
  readonly id: string;
  /** The value that hides nothing. */
  readonly everything: string;
  readonly offer: (snapshot: Snapshot) => OptionGroup;
  readonly apply: (graph: ViewGraph, value: string, snapshot: Snapshot) => ViewGraph;
}

function fixed(offer: OptionGroup, everything: string, apply: ViewOption['apply']): ViewOption {
  return { id: offer.id, everything, offer: () => offer, apply };
}

export const UNCONNECTED = fixed(
  {
    id: 'unconnected',
    defaultValue: 'hide',
    options: [
      { value: 'show', label: 'Show unconnected' },
      { value: 'hide', label: 'Hide unconnected' },
    ],
  },
  'show',
  (graph, value) => (value === 'hide' ? hideUnconnected(graph) : graph),
);

export const SYSTEM = fixed(
  {
    id: 'system',
    defaultValue: 'application',
    options: [
      { value: 'all', label: 'All' },
      { value: 'system', label: 'System containers' },
      { value: 'application', label: 'Application containers' },
    ],
  },
  'all',
  (graph, value, { report }) => {
    if (value === 'all') return graph;
    return filterReal(graph, (node) => isSystemContainer(report, node) === (value === 'system'));
  },
);

export const STOPPED = fixed(
  {
    id: 'stopped',
    defaultValue: 'running',
    options: [
      { value: 'stopped', label: 'Stopped containers' },
      { value: 'running', label: 'Running containers' },
      { value: 'both', label: 'Both' },
    ],
  },
  'both',
  (graph, value) =>
    value === 'both'
      ? graph
      : filterReal(graph, (node) => isRunningContainer(node) === (value === 'running')),
);

function pseudo(what: 'uncontained' | 'unmanaged'): ViewOption {
  return fixed(
    {
      id: 'pseudo',
      defaultValue: 'hide',
      options: [
        { value: 'show', label: `Show ${what}` },
        { value: 'hide', label: `Hide ${what}` },
      ],
    },
    'show',
    (graph, value) => (value === 'hide' ? hideUnmanaged(graph) : graph),
  );
}

export const UNCONTAINED = pseudo('uncontained');
export const UNMANAGED = pseudo('unmanaged');

const KUBERNETES_TOPOLOGIES = [
  'Pod',
  'Service',
  'Deployment',
  'DaemonSet',
  'StatefulSet',
  'CronJob',
  'Job',
] as const;

export const NAMESPACE: ViewOption = {
  id: 'namespace',
  everything: '',
  offer: (snapshot) => ({
    id: 'namespace',
    defaultValue: '',
    selectType: 'union',
    noneLabel: 'All Namespaces',
    options: namespacesOf(snapshot).map((name) => ({ value: name, label: name })),
  }),
  apply: (graph, value) => {
    const wanted = new Set(value.split(',').filter((name) => name !== ''));
    if (wanted.size === 0) return graph;
    return filterReal(graph, ({ node }) => wanted.has(latestOf(node, FACT.kubernetesNamespace) ?? ''));
  },
};

function namespacesOf(snapshot: Snapshot): string[] {
  const names = new Set<string>();
  for (const { id, latest } of snapshot.nodes('Namespace').values())
    names.add(latest?.get(FACT.kubernetesName)?.value ?? id);
  for (const key of KUBERNETES_TOPOLOGIES) {
    for (const node of snapshot.nodes(key).values()) {
      const name = latestOf(node, FACT.kubernetesNamespace);
      if (name !== undefined) names.add(name);
    }
  }
  return Array.from(names).sort();
}

/** Storage and snapshots are offered as Scope does; volumes are no nodes of ours, so that neither changes the graph. */
export const STORAGE = offeredOnly('storage', 'storage');
export const SNAPSHOT = offeredOnly('snapshot', 'snapshots');

function offeredOnly(id: string, what: string): ViewOption {
  return fixed(
    {
      id,
      defaultValue: 'hide',
      options: [
        { value: 'show', label: `Show ${what}` },
        { value: 'hide', label: `Hide ${what}` },
      ],
    },
    'show',
    (graph) => graph,
  );
}

/** Pseudo nodes without any edge say nothing. */
export function dropIdlePseudo(graph: ViewGraph): ViewGraph {
  for (const { topology } of graph.nodes.values())
    if (topology === PSEUDO) return filterReal(graph, () => true);
  return graph;
}
