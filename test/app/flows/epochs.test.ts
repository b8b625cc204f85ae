/** Probes that end, start again, or are two on one host: nothing counts twice, and nothing stays for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowStore } from '../../../src/app/flows/flow-store.js';
import { edgesOf, SETTINGS, T0 } from '../../support/flow-fleet.js';
import { flowOf, StatedTable } from '../../support/stated-table.js';

const FLOW = flowOf('10.0.0.1', '10.0.0.1:80', { pid: 1 }, { pid: 2 });
const UNKNOWN = flowOf('10.0.0.1', '10.0.0.1:80', { isHere: true }, { isHere: true });
const EDGE = 'a/1 10.0.0.1 → a/2 10.0.0.1:80';

/** The first probe, with 10 connections of which 4 are closed, and the second, which finds 6. */
function killedAndStarted(found = FLOW): { store: FlowStore; second: StatedTable } {
  const store = new FlowStore(SETTINGS);
  const first = new StatedTable('a', 'first', T0);
  for (let i = 0; i < 10; i++) first.open(FLOW, 40_000 + i).closedMs = i < 4 ? T0 + 2_000 : undefined;
  first.tick(T0 + 5_000);
  store.state('first', first.statement(0), T0 + 5_000);
  const second = new StatedTable('a', 'second', T0 + 7_000);
  for (let i = 4; i < 10; i++) second.open(found, 40_000 + i, { isAdopted: true });
  second.tick(T0 + 10_000);
  store.state('second', second.statement(0), T0 + 10_000);
  return { store, second };
}

test('what the next probe finds is what the last one had', () => {
  const { store, second } = killedAndStarted();
  assert.deepEqual(edgesOf(store.flows(T0 + 10_000)), { [EDGE]: 10 });
  assert.equal(store.flows(T0 + 10_000)[0]!.activity.live, 6);
  second.open(FLOW, 50_000);
  second.tick(T0 + 15_000);
  store.state('second', second.statement(1), T0 + 15_000);
  assert.deepEqual(edgesOf(store.flows(T0 + 15_000)), { [EDGE]: 11 });
  // The window has passed the first one.
  assert.deepEqual(edgesOf(store.flows(T0 + 21_000)), { [EDGE]: 7 });
  assert.equal(store.counts().probes, 1);
  assert.equal(store.counts().flows, 1);
});

test('connections whose processes the next probe learns late are not counted twice', () => {
  const { store, second } = killedAndStarted(UNKNOWN);
  assert.deepEqual(edgesOf(store.flows(T0 + 10_000)), {
    [EDGE]: 4,
    'a/- 10.0.0.1 → a/- 10.0.0.1:80': 6,
  });
  for (const connection of second.connections) connection.definition = FLOW;
  second.tick(T0 + 12_000);
  store.state('second', second.statement(1), T0 + 12_000);
  assert.deepEqual(edgesOf(store.flows(T0 + 12_000)), { [EDGE]: 10 });
});

test('the same probe in a new epoch is a new start, too, and an old epoch is not taken', () => {
  const store = new FlowStore(SETTINGS);
  const first = new StatedTable('a', 'probe', T0);
  for (let i = 0; i < 3; i++) first.open(FLOW, 40_000 + i);
  first.tick(T0 + 1_000);
  store.state('probe', first.statement(0), T0 + 1_000);
  const second = new StatedTable('a', 'probe', T0 + 2_000);
  for (let i = 0; i < 3; i++) second.open(FLOW, 40_000 + i, { isAdopted: true });
  second.tick(T0 + 3_000);
  assert.equal(store.state('probe', second.statement(0), T0 + 3_000).taken, true);
  assert.equal(store.state('probe', first.statement(0), T0 + 4_000).taken, false);
  assert.deepEqual(edgesOf(store.flows(T0 + 4_000)), { [EDGE]: 3 });
  store.flows(T0 + 17_000);
  assert.equal(store.counts().flows, 1);
  store.forget('probe');
  assert.equal(store.counts().flows, 0);
});

test('of two probes on one host one speaks, and the other when that is silent or forgotten', () => {
  for (const end of ['silent', 'forgotten'] as const) {
    const store = new FlowStore(SETTINGS);
    const tables = ['one', 'two'].map((probe, i) => new StatedTable('a', probe, T0 + i));
    for (const table of tables) for (let i = 0; i < 5; i++) table.open(FLOW, 40_000 + i);
    const state = (table: StatedTable, atMs: number): void => {
      const base = table.seq;
      table.tick(atMs);
      store.state(table.probe, table.statement(base), atMs);
    };
    for (const atMs of [T0 + 1_000, T0 + 6_000]) for (const table of tables) state(table, atMs);
    assert.deepEqual(edgesOf(store.flows(T0 + 6_000)), { [EDGE]: 5 }, end);
    if (end === 'forgotten') store.forget('one');
    const [, two] = tables as [StatedTable, StatedTable];
    two.open(FLOW, 41_000);
    for (const atMs of [T0 + 11_000, T0 + 17_000, T0 + 19_000]) state(two, atMs);
    assert.deepEqual(edgesOf(store.flows(T0 + 19_000)), { [EDGE]: 6 }, end);
    store.flows(T0 + 40_000);
    assert.equal(store.counts().flows, 1);
  }
});

test('an app that starts while a probe has been counting for long begins with what lives', () => {
  const store = new FlowStore(SETTINGS);
  const table = new StatedTable('a', 'probe', T0);
  for (let i = 0; i < 100; i++) table.open(FLOW, 40_000 + i).closedMs = i < 90 ? T0 + 1_000 : undefined;
  table.tick(T0 + 50_000);
  store.state('probe', table.statement(0), T0 + 50_000);
  assert.deepEqual(edgesOf(store.flows(T0 + 50_000)), { [EDGE]: 10 });
  assert.equal(store.flows(T0 + 50_000)[0]!.spanMs, 0);
  table.open(FLOW, 50_000);
  table.tick(T0 + 55_000);
  store.state('probe', table.statement(1), T0 + 55_000);
  assert.deepEqual(edgesOf(store.flows(T0 + 55_000)), { [EDGE]: 11 });
  assert.equal(store.flows(T0 + 55_000)[0]!.spanMs, 5_000);
});

test('failed connects are an edge as long as they are in the window', () => {
  const store = new FlowStore(SETTINGS);
  const table = new StatedTable('a', 'probe', T0);
  const dead = flowOf('10.0.0.1', '10.0.0.5:5432', { pid: 1 }, {});
  table.fail(dead, 'refused', 3);
  table.tick(T0 + 5_000);
  store.state('probe', table.statement(0), T0 + 5_000);
  const [flow] = store.flows(T0 + 5_000);
  assert.deepEqual([...flow!.failures], [['refused', 3]]);
  assert.equal(flow!.activity.connections, 0);
  table.fail(dead, 'refused', 2);
  table.tick(T0 + 10_000);
  store.state('probe', table.statement(1), T0 + 10_000);
  assert.deepEqual([...store.flows(T0 + 20_001)[0]!.failures], [['refused', 2]]);
  assert.deepEqual(store.flows(T0 + 26_000), []);
});
