/** What the store makes of statements, one at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowStore } from '../../../src/app/flows/flow-store.js';
import { edgesOf, SETTINGS, T0 } from '../../support/flow-fleet.js';
import { flowOf, StatedTable } from '../../support/stated-table.js';

test('one probe that sees both ends is taken as it says', () => {
  const store = new FlowStore(SETTINGS);
  const table = new StatedTable('a', 'probe-a', T0);
  const flow = flowOf('10.0.0.1', '10.0.0.1:80', { pid: 1 }, { pid: 2 });
  const first = table.open(flow, 40_000);
  table.open(flow, 40_001);
  table.tick(T0 + 5_000);
  assert.deepEqual(store.state('probe-a', table.statement(0), table.atMs), { taken: true, seq: 1 });
  const edge = 'a/1 10.0.0.1 → a/2 10.0.0.1:80';
  assert.deepEqual(edgesOf(store.flows(table.atMs)), { [edge]: 2 });
  first.closedMs = T0 + 6_000;
  table.open(flow, 40_000);
  table.tick(T0 + 10_000);
  store.state('probe-a', table.statement(1), table.atMs);
  assert.deepEqual(edgesOf(store.flows(table.atMs)), { [edge]: 3 });
  // Once the window has passed what closed, only what lives is there.
  table.tick(T0 + 30_000);
  store.state('probe-a', table.statement(2), table.atMs);
  assert.deepEqual(edgesOf(store.flows(table.atMs)), { [edge]: 2 });
});

test('two probes, one process each: one edge with the numbers of both', () => {
  const store = new FlowStore(SETTINGS);
  const a = new StatedTable('a', 'probe-a', T0);
  const b = new StatedTable('b', 'probe-b', T0);
  for (let i = 0; i < 10; i++) {
    a.open(flowOf('10.0.0.1', '10.0.0.2:80', { pid: 1 }, {}), 40_000 + i);
    if (i < 8) b.open(flowOf('10.0.0.1', '10.0.0.2:80', {}, { pid: 2 }), 40_000 + i);
  }
  for (const table of [a, b]) {
    table.tick(T0 + 5_000);
    store.state(table.probe, table.statement(0), table.atMs);
  }
  const flows = store.flows(T0 + 5_000);
  const edge = 'a/1 10.0.0.1 → b/2 10.0.0.2:80';
  assert.deepEqual(edgesOf(flows), { [edge]: 10 });
  assert.deepEqual(
    edgesOf(flows, ({ byServer }) => byServer?.connections ?? 0),
    { [edge]: 8 },
  );
  assert.equal(flows[0]!.spanMs, 5_000);
});

test('several processes at both ends are told apart by the client ports', () => {
  const store = new FlowStore(SETTINGS);
  const a = new StatedTable('a', 'probe-a', T0);
  const b = new StatedTable('b', 'probe-b', T0);
  const truth: Record<string, number> = {};
  for (let i = 0; i < 60; i++) {
    const [client, server] = [1 + (i % 3), 11 + (i % 4)];
    a.open(flowOf('10.0.0.1', '10.0.0.2:80', { pid: client }, {}), 40_000 + i);
    b.open(flowOf('10.0.0.1', '10.0.0.2:80', {}, { pid: server }), 40_000 + i);
    const edge = `a/${client} 10.0.0.1 → b/${server} 10.0.0.2:80`;
    truth[edge] = (truth[edge] ?? 0) + 1;
  }
  for (const table of [a, b]) {
    table.tick(T0 + 5_000);
    store.state(table.probe, table.statement(0), table.atMs);
  }
  const flows = store.flows(T0 + 5_000);
  assert.deepEqual(edgesOf(flows), truth);
  assert.ok(flows.every(({ isSampled }) => !isSampled));
  assert.deepEqual(
    edgesOf(flows, ({ byServer }) => byServer?.connections ?? 0),
    truth,
  );
});
