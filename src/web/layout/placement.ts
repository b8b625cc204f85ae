/**
 * Where nodes start before forces move them: a new node beside the neighbours it has, so that nothing else needs to make
 * room; whole new graphs on a sunflower spiral, tightly knit parts together. The same input gives the same places.
 */
import type { Edge } from '../api/store.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Distance between neighbours on the spiral, in the layout's own unit. */
export const SPACING = 10;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/** Places for `newIds`, given those of the nodes that have one. */
export function placeNewNodes(
  newIds: readonly string[],
  edges: Iterable<Pick<Edge, 'from' | 'to'>>,
  placed: ReadonlyMap<string, Point>,
): Map<string, Point> {
  const isNew = new Set(newIds);
  const neighbours = new Map<string, string[]>(newIds.map((id) => [id, []]));
  for (const { from, to } of edges) {
    if (from === to) continue;
    if (isNew.has(from)) neighbours.get(from)?.push(to);
    if (isNew.has(to)) neighbours.get(to)?.push(from);
  }
  const places = new Map<string, Point>();
  if (placed.size === 0) {
    breadthFirst(newIds, neighbours).forEach((id, index) => places.set(id, sunflower(index)));
    return places;
  }

  // Nodes that know a placed one first; those behind them find them placed in a later round.
  let waiting = [...newIds].sort();
  while (waiting.length > 0) {
    const next: string[] = [];
    for (const id of waiting) {
      const known = (neighbours.get(id) ?? []).flatMap(
        (other) => placed.get(other) ?? places.get(other) ?? [],
      );
      if (known.length === 0) next.push(id);
      else places.set(id, beside(id, known));
    }
    if (next.length === waiting.length) break;
    waiting = next;
  }
  const rim = rimOf(placed.values());
  waiting.forEach((id) => places.set(id, onRim(id, rim)));
  return places;
}

/** Order in which a graph is wound up on the spiral: the best connected first, each with its own kin behind it. */
function breadthFirst(ids: readonly string[], neighbours: ReadonlyMap<string, readonly string[]>): string[] {
  const degree = (id: string): number => neighbours.get(id)?.length ?? 0;
  const roots = [...ids].sort((a, b) => degree(b) - degree(a) || (a < b ? -1 : 1));
  const seen = new Set<string>();
  const order: string[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    order.push(root);
    for (let next = order.length - 1; next < order.length; next++) {
      for (const other of neighbours.get(order[next]!) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        order.push(other);
      }
    }
  }
  return order;
}

function sunflower(index: number): Point {
  const radius = SPACING * Math.sqrt(index + 0.5);
  return { x: radius * Math.cos(index * GOLDEN_ANGLE), y: radius * Math.sin(index * GOLDEN_ANGLE) };
}

function beside(id: string, known: readonly Point[]): Point {
  const x = known.reduce((sum, point) => sum + point.x, 0) / known.length;
  const y = known.reduce((sum, point) => sum + point.y, 0) / known.length;
  const angle = angleOf(id);
  return { x: x + SPACING * Math.cos(angle), y: y + SPACING * Math.sin(angle) };
}

interface Rim extends Point {
  readonly radius: number;
}

function rimOf(points: Iterable<Point>): Rim {
  const all = [...points];
  const x = all.reduce((sum, point) => sum + point.x, 0) / all.length;
  const y = all.reduce((sum, point) => sum + point.y, 0) / all.length;
  const radius = all.reduce((max, point) => Math.max(max, Math.hypot(point.x - x, point.y - y)), 0);
  return { x, y, radius };
}

function onRim(id: string, { x, y, radius }: Rim): Point {
  const angle = angleOf(id);
  return { x: x + (radius + SPACING) * Math.cos(angle), y: y + (radius + SPACING) * Math.sin(angle) };
}

/** An angle that depends on the id alone (FNV-1a), so that two pages show the same picture. */
function angleOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) {
    hash ^= id.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return ((hash >>> 0) / 2 ** 32) * 2 * Math.PI;
}
