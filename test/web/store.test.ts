/** Deltas in, changes out: the store always holds what the app would show to somebody who has just come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { edgeKey, GraphStore, type Change } from '../../src/web/api/store.js';
import { parseDelta, type Delta } from '../../src/web/api/wire.js';

interface Made {
  readonly id: string;
  readonly adjacency?: readonly string[];
  readonly label?: string;
}

const delta = (parts: {
  add?: readonly Made[];
  update?: readonly Made[];
  remove?: readonly string[];
  reset?: boolean;
}): Delta => parseDelta(JSON.stringify({ add: null, update: null, remove: null, ...parts }));

const ids = (store: GraphStore): string[] => [...store.nodes.keys()].sort();
const edges = (store: GraphStore): string[] =>
  [...store.edges.values()].map(({ from, to }) => `${from}>${to}`).sort();

void test('the first message becomes the graph, edges only between nodes that are known', () => {
  const store = new GraphStore();
  const change = store.apply(
    delta({
      add: [
        { id: 'a', adjacency: ['b', 'nowhere'] },
        { id: 'b', adjacency: ['b'] },
      ],
    }),
  );
  assert.deepEqual(ids(store), ['a', 'b']);
  assert.deepEqual(edges(store), ['a>b', 'b>b']);
  assert.deepEqual(
    change.edgesAdded.map(({ key }) => key),
    [edgeKey('a', 'b'), edgeKey('b', 'b')],
  );
});

void test('an edge appears when its far end comes later, and goes with it', () => {
  const store = new GraphStore();
  store.apply(delta({ add: [{ id: 'a', adjacency: ['b'] }] }));
  assert.deepEqual(edges(store), []);
  assert.equal(store.apply(delta({ add: [{ id: 'b' }] })).edgesAdded.length, 1);
  const change = store.apply(delta({ remove: ['b', 'never seen'] }));
  assert.deepEqual(change.removed, ['b']);
  assert.deepEqual(
    change.edgesRemoved.map(({ from, to }) => [from, to]),
    [['a', 'b']],
  );
});

void test('a whole graph after a reconnect removes what is gone and adds nothing twice', () => {
  const store = new GraphStore();
  store.apply(delta({ add: [{ id: 'a', adjacency: ['b'] }, { id: 'b' }, { id: 'c' }] }));
  const change = store.apply(delta({ add: [{ id: 'b' }, { id: 'a', adjacency: ['b'] }, { id: 'd' }] }), {
    replace: true,
  });
  assert.deepEqual(change.removed, ['c']);
  assert.deepEqual(
    change.added.map(({ id }) => id),
    ['d'],
  );
  assert.deepEqual([change.edgesAdded.length, change.edgesRemoved.length], [0, 0]);
});

void test('an update of a node that was never added is taken as the node', () => {
  const store = new GraphStore();
  assert.equal(store.apply(delta({ update: [{ id: 'a' }] })).added.length, 1);
});

void test('nodes and edges beyond the limits are counted, and counted down again', () => {
  const store = new GraphStore({ nodesMax: 2, edgesMax: 1 });
  store.apply(delta({ add: [{ id: 'a', adjacency: ['a', 'b'] }, { id: 'b' }, { id: 'c' }, { id: 'd' }] }));
  assert.deepEqual(ids(store), ['a', 'b']);
  assert.deepEqual([store.hiddenNodes, store.hiddenEdges], [2, 1]);
  store.apply(delta({ remove: ['d', 'a'] }));
  assert.deepEqual([store.hiddenNodes, store.hiddenEdges], [1, 0]);
  store.apply(delta({ update: [{ id: 'c' }] }));
  assert.deepEqual(ids(store), ['b', 'c']);
  assert.equal(store.hiddenNodes, 0);
});

void test('names that mean something to JavaScript are only names', () => {
  const store = new GraphStore();
  store.apply(delta({ add: [{ id: '__proto__', adjacency: ['constructor'] }, { id: 'constructor' }] }));
  assert.deepEqual(edges(store), ['__proto__>constructor']);
});

void test('after any sequence of deltas the changes add up to the store, and the store to the last word on each node', () => {
  const node = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    adjacency: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
  });
  const step = fc.record({
    add: fc.array(node, { maxLength: 4 }),
    update: fc.array(node, { maxLength: 2 }),
    remove: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 3 }),
    reset: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const store = new GraphStore();
      const seen = { nodes: new Set<string>(), edges: new Set<string>() };
      const expected = new Map<string, readonly string[]>();
      for (const each of steps) {
        follow(seen, store.apply(delta(each)));
        if (each.reset) expected.clear();
        for (const id of each.remove) expected.delete(id);
        for (const { id, adjacency } of [...each.add, ...each.update]) expected.set(id, adjacency);
      }
      assert.deepEqual(ids(store), [...expected.keys()].sort());
      assert.deepEqual([...seen.nodes].sort(), ids(store));
      assert.deepEqual([...seen.edges].sort(), [...store.edges.keys()].sort());
      const pairs = [...expected].flatMap(([from, tos]) =>
        tos.filter((to) => expected.has(to)).map((to) => `${from}>${to}`),
      );
      assert.deepEqual(edges(store), pairs.sort());
    }),
  );
});

/** What a view that only ever hears of changes believes to be there. */
function follow(seen: { nodes: Set<string>; edges: Set<string> }, change: Change): void {
  for (const id of change.removed) assert.ok(seen.nodes.delete(id), `${id} removed but never added`);
  for (const { key } of change.edgesRemoved)
    assert.ok(seen.edges.delete(key), 'edge removed but never added');
  for (const { id } of change.added) {
    assert.ok(!seen.nodes.has(id), `${id} added twice`);
    seen.nodes.add(id);
  }
  for (const { key } of change.edgesAdded) seen.edges.add(key);
  for (const { id } of change.updated) assert.ok(seen.nodes.has(id), `${id} updated but never added`);
}
