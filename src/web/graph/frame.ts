/**
 * The part of the layout's plane that fills the screen. It grows when nodes leave it and shrinks only when most of it is
 * empty: a frame that always fitted exactly would make every node jump whenever one comes or goes at the rim.
 */
import type { DrawnGraph } from './graph-model.js';

export interface Box {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** A handful of nodes must not be flung to the far corners of a wall screen. */
const SIDE_MIN = 36;
const SHRINK_BELOW = 0.5;

/** The nodes' bounds, not below a least size; undefined without nodes. */
export function boxOf(graph: DrawnGraph): Box | undefined {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  graph.forEachNode((_id, { x, y }) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    bottom = Math.min(bottom, y);
    top = Math.max(top, y);
  });
  if (left > right) return undefined;
  return { x: atLeast(left, right), y: atLeast(bottom, top) };
}

/** The next frame, given the one that is shown and the nodes' bounds. */
export function frameFor(shown: Box | undefined, bounds: Box | undefined): Box | undefined {
  if (shown === undefined || bounds === undefined) return bounds;
  const tooLarge =
    length(bounds.x) < length(shown.x) * SHRINK_BELOW && length(bounds.y) < length(shown.y) * SHRINK_BELOW;
  if (tooLarge) return bounds;
  return { x: union(shown.x, bounds.x), y: union(shown.y, bounds.y) };
}

type Span = Box['x'];

const length = ([from, to]: Span): number => to - from;
const union = (a: Span, b: Span): Span => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

function atLeast(from: number, to: number): Span {
  const missing = Math.max(0, SIDE_MIN - (to - from)) / 2;
  return [from - missing, to + missing];
}
