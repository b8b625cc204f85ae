/** Places of nodes: the same picture for the same graph, and calm when something joins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LayoutRun } from '../../src/web/layout/layout-run.js';
import { placeNewNodes, SPACING, type Point } from '../../src/web/layout/placement.js';

const edge = (from: string, to: string): { key: string; from: string; to: string } => ({
  key: `${from}\0${to}`,
  from,
  to,
});

const apart = (a: Point | undefined, b: Point | undefined): number => {
  assert.ok(a !== undefined && b !== undefined);
  return Math.hypot(a.x - b.x, a.y - b.y);
};

void test('a new graph is placed without two nodes on one spot, the same each time', () => {
  const ids = Array.from({ length: 200 }, (_, at) => `n${at}`);
  const edges = ids.slice(1).map((id, at) => edge(id, ids[Math.floor(at / 3)]!));
  const places = placeNewNodes(ids, edges, new Map());
  assert.equal(places.size, 200);
  const points = [...places.values()];
  points.forEach((a, at) => points.slice(at + 1).forEach((b) => assert.ok(apart(a, b) > SPACING / 4)));
  assert.deepEqual(placeNewNodes(ids, edges, new Map()), places);
});

void test('a node that joins starts beside its neighbour, and one behind it beside that', () => {
  const placed = new Map([
    ['old', { x: 500, y: -200 }],
    ['far', { x: 0, y: 0 }],
  ]);
  const places = placeNewNodes(['b', 'a'], [edge('a', 'old'), edge('b', 'a')], placed);
  assert.ok(apart(places.get('a'), placed.get('old')) <= SPACING * 1.01);
  assert.ok(apart(places.get('b'), places.get('a')) <= SPACING * 1.01);
});

void test('a node without neighbours joins at the rim', () => {
  const placed = new Map([
    ['a', { x: 0, y: 0 }],
    ['b', { x: 100, y: 0 }],
  ]);
  const place = placeNewNodes(['lonely'], [], placed).get('lonely');
  assert.ok(apart(place, { x: 50, y: 0 }) >= 50);
});

void test('a laid out graph draws neighbours together and strangers apart', () => {
  // Two cliques of five, side by side.
  const edges: number[] = [];
  for (const base of [0, 5])
    for (let a = 0; a < 5; a++) for (let b = a + 1; b < 5; b++) edges.push(base + a, base + b);
  const positions = Float32Array.from({ length: 20 }, (_, at) => Math.sin(at * 12.9) * 50);
  const places = run(
    new LayoutRun({ positions, edges: Uint32Array.from(edges), whole: true, fresh: new Uint8Array(10) }),
  );
  const centre = (base: number): Point => ({ x: mean(places, base, 'x'), y: mean(places, base, 'y') });
  const spread = Math.max(...[0, 1, 2, 3, 4].map((at) => apart(places[at], centre(0))));
  assert.ok(apart(centre(0), centre(5)) > spread, 'cliques overlap');
});

void test('when a node joins a settled graph nothing that was there jumps', () => {
  const order = 60;
  const edges = Array.from({ length: order - 1 }, (_, at) => [at + 1, Math.floor(at / 2)]).flat();
  const start = Float32Array.from({ length: order * 2 }, (_, at) => Math.sin(at * 7.3) * 80);
  const settled = run(
    new LayoutRun({
      positions: start,
      edges: Uint32Array.from(edges),
      whole: true,
      fresh: new Uint8Array(order),
    }),
  );
  const positions = new Float32Array((order + 1) * 2);
  settled.forEach(({ x, y }, at) => positions.set([x, y], at * 2));
  positions.set([settled[7]!.x + SPACING, settled[7]!.y], order * 2);
  const fresh = new Uint8Array(order + 1);
  fresh[order] = 1;
  const after = run(
    new LayoutRun({ positions, edges: Uint32Array.from([...edges, order, 7]), whole: false, fresh }),
  );
  const radius = Math.max(...settled.map(({ x, y }) => Math.hypot(x, y)));
  settled.forEach((before, at) =>
    assert.ok(
      apart(before, after[at]) < radius * 0.05,
      `node ${at} moved ${apart(before, after[at])} of ${radius}`,
    ),
  );
});

void test('an empty graph and a single node end at once, in finite places', () => {
  assert.deepEqual(
    run(
      new LayoutRun({
        positions: new Float32Array(0),
        edges: new Uint32Array(0),
        whole: true,
        fresh: new Uint8Array(0),
      }),
    ),
    [],
  );
  const [only] = run(
    new LayoutRun({
      positions: Float32Array.of(3, 4),
      edges: new Uint32Array(0),
      whole: true,
      fresh: new Uint8Array(1),
    }),
  );
  assert.ok(only !== undefined && Number.isFinite(only.x) && Number.isFinite(only.y));
});

function run(layout: LayoutRun): Point[] {
  while (!layout.finished) layout.step();
  const flat = layout.positions();
  return Array.from({ length: flat.length / 2 }, (_, at) => ({ x: flat[at * 2]!, y: flat[at * 2 + 1]! }));
}

const mean = (places: readonly Point[], base: number, axis: 'x' | 'y'): number =>
  [0, 1, 2, 3, 4].reduce((sum, at) => sum + places[base + at]![axis], 0) / 5;
