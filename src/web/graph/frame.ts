/**
 * The part of the layout's plane that fills the screen. It grows when nodes leave it, and is
 * fitted anew, gliding, only when a good part of it is empty: a frame that always fitted exactly would make every node jump
 * whenever one comes or goes at the rim.
 */
import type { DrawnGraph } from './graph-model.js';

export interface Box {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** A handful of nodes must not be flung to the far corners of a wall screen. */
const SIDE_MIN = 36;
const SHRINK_BELOW = 0.75;
const EMPTY_SIDE = 0.25;

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

/** The frame while nodes are on their way: it only grows. */
export function growFrame(shown: Box | undefined, bounds: Box | undefined): Box | undefined {
  if (shown === undefined || bounds === undefined) return bounds;
  return { x: union(shown.x, bounds.x), y: union(shown.y, bounds.y) };
}

/** Whether nodes at rest fill the frame so badly that it is worth moving the whole picture. */
export function fitsBadly(shown: Box, bounds: Box): boolean {
  const empty = ([from, to]: Span, [left, right]: Span): number =>
    Math.max(left - from, to - right) / Math.max(1, to - from);
  const smaller =
    length(bounds.x) < length(shown.x) * SHRINK_BELOW && length(bounds.y) < length(shown.y) * SHRINK_BELOW;
  return smaller || empty(shown.x, bounds.x) > EMPTY_SIDE || empty(shown.y, bounds.y) > EMPTY_SIDE;
}

/** `part` (0 … 1) of the way from one frame to another. */
export function between(from: Box, to: Box, part: number): Box {
  const mix = (a: Span, b: Span): Span => [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
  return { x: mix(from.x, to.x), y: mix(from.y, to.y) };
}

type Span = Box['x'];

const length = ([from, to]: Span): number => to - from;
const union = (a: Span, b: Span): Span => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

function atLeast(from: number, to: number): Span {
  const missing = Math.max(0, SIDE_MIN - (to - from)) / 2;
  return [from - missing, to + missing];
}
