/** What reporters know, state by state: what is stated again, and what of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactBook } from '../../src/probe/flows/fact-book.js';
import type { Node, Topology, TopologyKey } from '../../src/report/model/model.js';
import { fromMillis } from '../../src/report/model/timestamp.js';

/** A process as a reporter finds it at some time. */
function found(atMs: number, name: string, cpu: number): ReadonlyMap<TopologyKey, Topology> {
  const timestamp = fromMillis(atMs);
  const node: Node = {
    id: 'vm;1',
    topology: 'process',
    latest: new Map([['name', { timestamp, value: name }]]),
    metrics: new Map([['cpu', { samples: [{ date: timestamp, value: cpu }], min: cpu, max: 100 }]]),
  };
  return new Map([['Process', { label: 'process', nodes: new Map([[node.id, node]]) }]]);
}

test('a node is stated whole when it changes, by its metrics when nothing else does, and not at all when only time went on', () => {
  const book = new FactBook();
  book.update(found(1, 'a', 5), 1);
  book.update(found(2, 'a', 5), 2);
  assert.equal(book.since(1).size, 0);
  book.update(found(3, 'a', 7), 3);
  const metrics = book.since(2).get('Process')!;
  assert.equal(metrics.nodes.size, 0);
  assert.equal(metrics.metrics?.get('vm;1')?.get('cpu')?.samples[0]?.value, 7);
  assert.equal(metrics.frame, undefined);
  book.update(found(4, 'b', 7), 4);
  const whole = book.since(3).get('Process')!;
  assert.equal(whole.nodes.get('vm;1')?.latest?.get('name')?.value, 'b');
  assert.equal(whole.metrics, undefined);
  // Who has an older state gets the node once.
  assert.equal(book.since(1).get('Process')?.nodes.size, 1);
  assert.equal(book.since(1).get('Process')?.metrics, undefined);
});

test('a node that is gone is stated as gone, and everything is stated to who has nothing', () => {
  const book = new FactBook();
  book.update(found(1, 'a', 5), 1);
  book.update(new Map([['Process', { label: 'process', nodes: new Map() }]]), 2);
  assert.deepEqual(book.since(1).get('Process')?.gone, ['vm;1']);
  assert.deepEqual(book.since(0).get('Process')?.gone, []);
  assert.equal(book.since(0).get('Process')?.frame?.label, 'process');
  assert.equal(book.since(2).size, 0);
});
