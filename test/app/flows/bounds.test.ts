/** Many of anything, and statements that nobody honest sends: bounds hold, sums are exact, and the store is as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../../src/app/errors.js';
import { FlowStore } from '../../../src/app/flows/flow-store.js';
import { NO_FAILURES, NO_PORTS, NUMBERS } from '../../../src/flows/flow.js';
import type { Statement, StatedFlow } from '../../../src/flows/statement.js';
import { edgesOf, Fleet, SETTINGS, T0 } from '../../support/flow-fleet.js';
import { flowOf, StatedTable } from '../../support/stated-table.js';

const CLIENT = { host: 'a', address: '10.0.0.1', pid: 1 };
const SERVER = { host: 's', address: '10.1.0.1', pid: 2 };

test('65,535 ports of one client are one edge', () => {
  const fleet = new Fleet();
  for (let port = 1; port <= 65_535; port++) fleet.connect(CLIENT, port, '10.1.0.1:80', SERVER);
  const flows = fleet.state();
  assert.equal(flows.length, 1);
  assert.deepEqual(edgesOf(flows), { 'a/1 10.0.0.1 → s/2 10.1.0.1:80': 65_535 });
  assert.ok(flows[0]!.ports.length <= 64);
});

test('100,000 clients of one server, of which some have a probe', () => {
  const fleet = new Fleet();
  const table = fleet.table('s');
  const clientAt = (i: number): string => `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
  for (let i = 0; i < 100_000; i++)
    table.open(flowOf(clientAt(i), '10.1.0.1:80', {}, { pid: 2, isHere: true }), 40_000);
  for (let i = 0; i < 1_000; i++)
    fleet.table('a').open(flowOf(clientAt(i), '10.1.0.1:80', { pid: 1, isHere: true }, {}), 40_000);
  const flows = fleet.state();
  assert.equal(flows.length, 100_000);
  assert.equal(
    flows.filter(({ client, server }) => client.host === 'a' && server.host === 's').length,
    1_000,
  );
  assert.equal(fleet.store.counts().flows, 101_000);
});

test('10,000 servers of one client, and 2,000 servers behind one address', () => {
  const fleet = new Fleet();
  const addressOf = (i: number): string => `10.1.${i >> 8}.${i & 255}`;
  for (let i = 0; i < 10_000; i++) fleet.connect(CLIENT, 1_024 + i, `${addressOf(i)}:80`, undefined);
  for (let i = 0; i < 2_000; i++)
    fleet.connect(CLIENT, 20_000 + i, '10.96.0.1:80', undefined, [
      { host: 'gate', to: `${addressOf(i)}:8080` },
    ]);
  const flows = fleet.state();
  const sum = Object.values(edgesOf(flows)).reduce((a, b) => a + b);
  assert.equal(sum, 12_000);
});

test('200 processes at each end: each side has its sums', () => {
  const fleet = new Fleet();
  for (let i = 0; i < 40_000; i++)
    fleet.connect({ ...CLIENT, pid: 1 + (i % 200) }, 1_024 + i, '10.1.0.1:80', {
      ...SERVER,
      pid: 1_000 + (Math.floor(i / 200) % 200),
    });
  const flows = fleet.state();
  assert.equal(
    flows.reduce((sum, { activity }) => sum + activity.connections, 0),
    40_000,
  );
  assert.equal(
    flows.reduce((sum, { byServer }) => sum + (byServer?.connections ?? 0), 0),
    40_000,
  );
});

test('thinned, whole, and back: the same counts', () => {
  const fleet = new Fleet();
  const open = (count: number, from: number): void => {
    for (let i = 0; i < count; i++) fleet.connect(CLIENT, from + i, '10.1.0.1:80', SERVER);
  };
  open(30, 1_024);
  assert.deepEqual(edgesOf(fleet.state(T0 + 1_000)), fleet.truth);
  open(500, 2_000);
  assert.deepEqual(edgesOf(fleet.state(T0 + 2_000)), fleet.truth);
  for (const table of fleet.tables.values())
    for (const connection of table.connections.slice(20)) connection.closedMs = T0 + 2_500;
  assert.deepEqual(edgesOf(fleet.state(T0 + 3_000)), fleet.truth);
  assert.deepEqual(edgesOf(fleet.state(T0 + 9_000)), fleet.truth);
  assert.deepEqual(edgesOf(fleet.store.flows(T0 + 120_000)), { 'a/1 10.0.0.1 → s/2 10.1.0.1:80': 20 });
});

test('an app that was away for ten minutes has all that happened meanwhile, and the time that it took', () => {
  const fleet = new Fleet();
  fleet.connect(CLIENT, 1_024, '10.1.0.1:80', SERVER);
  fleet.state(T0 + 5_000);
  for (let i = 0; i < 12_000; i++) fleet.connect(CLIENT, 2_000 + i, '10.1.0.1:80', SERVER);
  const flows = fleet.state(T0 + 605_000);
  assert.deepEqual(edgesOf(flows), fleet.truth);
  assert.equal(flows[0]!.spanMs, 600_000);
});

const EDGE = flowOf('10.0.0.1', '10.0.0.1:80', { pid: 1 }, { pid: 2 });

function tableOf(count: number): StatedTable {
  const table = new StatedTable('a', 'probe-a', T0);
  for (let i = 0; i < count; i++) table.open(flowOf('10.0.0.1', `10.2.0.1:${1 + i}`, { pid: 1 }, {}), 40_000);
  table.tick(T0 + 1_000);
  return table;
}

test('a full store refuses what is new, and is as it was', () => {
  for (const settings of [
    { ...SETTINGS, maxFlows: 10 },
    { ...SETTINGS, maxFlowsPerProbe: 10 },
    { ...SETTINGS, maxBytes: 30_000 },
  ]) {
    const store = new FlowStore(settings);
    const table = tableOf(10);
    store.state('probe-a', table.statement(0), T0 + 1_000);
    const [version, flows] = [store.version(T0 + 1_000), store.flows(T0 + 1_000)];
    for (let i = 0; i < 10; i++) table.open(flowOf('10.0.0.1', `10.3.0.1:${1 + i}`, { pid: 1 }, {}), 40_000);
    table.tick(T0 + 2_000);
    for (const base of [0, 1])
      assert.throws(
        () => store.state('probe-a', table.statement(base), T0 + 2_000),
        (error) =>
          error instanceof AppError && error.code === 'WINDOW_FULL' && error.retryAfterSeconds === 15,
      );
    assert.equal(store.version(T0 + 1_000), version);
    assert.equal(store.flows(T0 + 1_000), flows);
    assert.equal(store.counts().refused, 2);
    assert.deepEqual(store.state('probe-a', tableOf(10).statement(0), T0 + 3_000), { taken: true, seq: 1 });
  }
});

test('what is dropped leaves nothing behind', () => {
  const store = new FlowStore(SETTINGS);
  for (let round = 0; round < 3; round++) {
    const table = tableOf(1_000);
    store.state(`probe-${round}`, { ...table.statement(0), probe: `probe-${round}`, host: `h${round}` }, T0);
    assert.equal(store.flows(T0).length, 1_000);
    assert.ok(store.isOwned('10.0.0.1'));
    store.forget(`probe-${round}`);
    assert.deepEqual(store.flows(T0), []);
    assert.ok(!store.isOwned('10.0.0.1'));
    const { flows, bytes, probes, triples } = store.counts();
    assert.deepEqual({ flows, bytes, probes, triples }, { flows: 0, bytes: 0, probes: 0, triples: 0 });
  }
});

test('broken statements are refused whole', () => {
  const store = new FlowStore(SETTINGS);
  const table = new StatedTable('a', 'probe-a', T0);
  table.open(EDGE, 40_000);
  table.tick(T0 + 1_000);
  store.state('probe-a', table.statement(0), T0 + 1_000);
  const [version, flows] = [store.version(T0 + 1_000), store.flows(T0 + 1_000)];
  const good: Statement = { ...table.statement(0), seq: 2, base: 1, flows: [] };
  const numbers = new Float64Array(NUMBERS);
  const state = { numbers, failed: NO_FAILURES, ports: NO_PORTS };
  const whole: StatedFlow = { id: 7, definition: EDGE, state };
  const wrong: Partial<Statement>[] = [
    { flows: [{ id: 7, state }] },
    { flows: [{ id: 7, definition: EDGE }] },
    { flows: [whole, { ...whole, id: 6 }] },
    { flows: [whole, whole] },
    { flows: [{ ...whole, id: -1 }] },
    { flows: [{ ...whole, id: NaN }] },
    { flows: [{ ...whole, state: { ...state, numbers: new Float64Array(3) } }] },
    { flows: [{ ...whole, state: { ...state, numbers: numbers.with(2, -1) } }] },
    { flows: [{ ...whole, state: { ...state, numbers: numbers.with(2, NaN) } }] },
    { flows: [{ ...whole, state: { ...state, numbers: numbers.with(2, 2 ** 60) } }] },
    { flows: [{ ...whole, state: { ...state, failed: new Map([['refused', -1]]) } }] },
    { flows: [{ ...whole, state: { ...state, ports: { ...NO_PORTS, ports: new Uint16Array(2) } } }] },
    { flows: [{ ...whole, state: { ...state, portPairs: new Uint16Array(2) } }] },
    { seq: NaN },
    { seq: 5, base: -2 },
    { seq: 1, base: 1 },
    { atMs: Infinity },
    { intervalMs: -1 },
    { base: 0, flows: [{ id: 1, state }] },
  ];
  for (const part of wrong) {
    const statement = { ...good, ...part };
    let answer: unknown;
    try {
      answer = store.state('probe-a', statement, T0 + 2_000);
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === 'BROKEN_STATEMENT', String(error));
    }
    assert.ok(answer === undefined || !(answer as { taken: boolean }).taken, JSON.stringify(part));
    assert.equal(store.version(T0 + 1_000), version);
    assert.equal(store.flows(T0 + 1_000), flows);
  }
  assert.deepEqual(store.state('probe-a', { ...good, gone: [99, 98, -1] }, T0 + 2_000), {
    taken: true,
    seq: 2,
  });
});

test('a statement for another state than the store has is not taken', () => {
  const store = new FlowStore(SETTINGS);
  const table = new StatedTable('a', 'probe-a', T0);
  table.open(EDGE, 40_000);
  table.tick(T0 + 1_000);
  assert.deepEqual(store.state('probe-a', { ...table.statement(1), seq: 2 }, T0), { taken: false, have: 0 });
  store.state('probe-a', table.statement(0), T0 + 1_000);
  assert.deepEqual(store.state('probe-a', table.statement(0), T0 + 1_000), { taken: true, seq: 1 });
  for (const other of [
    { base: 2, seq: 3 },
    { base: 1, seq: 2, epoch: T0 + 9 },
    { base: 0, seq: 2, epoch: T0 - 9 },
    { base: 1, seq: 2, host: 'other' },
  ]) {
    const answer = store.state('probe-a', { ...table.statement(0), ...other }, T0 + 2_000);
    assert.equal(answer.taken, false, JSON.stringify(other));
  }
  assert.deepEqual(edgesOf(store.flows(T0 + 2_000)), { 'a/1 10.0.0.1 → a/2 10.0.0.1:80': 1 });
});

test('while nobody looks, the past does not pile up', () => {
  const store = new FlowStore(SETTINGS);
  const table = tableOf(10);
  store.state('probe-a', table.statement(0), T0 + 1_000);
  let most = 0;
  for (let i = 1; i <= 400; i++) {
    for (const connection of table.connections) connection.bytes++;
    table.tick(T0 + 1_000 + i * 1_000);
    store.state('probe-a', table.statement(table.seq - 1), table.atMs);
    const { bytes } = store.counts();
    if (i <= 40) most = Math.max(most, bytes);
    else assert.ok(bytes <= most, `${bytes} bytes after ${i} statements`);
  }
});
