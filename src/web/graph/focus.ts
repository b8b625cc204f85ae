/**
 * What the eye is led to: the node that is pointed at or selected with its neighbours, else what a search found.
 */
import type { DrawnGraph } from './graph-model.js';

export interface Focus {
  /** The node in the middle; undefined when a search decides. */
  readonly centre: string | undefined;
  readonly nodes: ReadonlySet<string>;
}

export interface FocusWishes {
  readonly hovered: string | undefined;
  readonly selected: string | undefined;
  /** Undefined without a search. */
  readonly found: ReadonlySet<string> | undefined;
}

/** Undefined when nothing is in focus and everything is shown alike. */
export function focusOf(graph: DrawnGraph, { hovered, selected, found }: FocusWishes): Focus | undefined {
  const centre = [hovered, selected].find((id) => id !== undefined && graph.hasNode(id));
  if (centre !== undefined) return { centre, nodes: new Set([centre, ...graph.neighbors(centre)]) };
  return found === undefined ? undefined : { centre: undefined, nodes: found };
}

export type EdgeRole = 'incoming' | 'outgoing' | 'plain' | 'faint';

export function edgeRole(focus: Focus | undefined, from: string, to: string): EdgeRole {
  if (focus === undefined) return 'plain';
  if (focus.centre === undefined) return focus.nodes.has(from) && focus.nodes.has(to) ? 'plain' : 'faint';
  if (from === focus.centre) return 'outgoing';
  return to === focus.centre ? 'incoming' : 'faint';
}
