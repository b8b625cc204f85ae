/** Several machines with one address: a host means its own, the connection tells, or nobody is picked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgesOf, Fleet, T0 } from '../../support/flow-fleet.js';
import { flowOf } from '../../support/stated-table.js';

const SHARED = '10.9.9.9:80';

/** Two hosts that both serve one address. */
function twoServers(): Fleet {
  const fleet = new Fleet();
  for (const [host, pid] of [
    ['s1', 11],
    ['s2', 22],
  ] as const)
    fleet.table(host).open(flowOf('10.0.0.77', SHARED, {}, { pid, isHere: true }), 30_000 + pid);
  return fleet;
}

test('a client on one of the hosts means its own server', () => {
  const fleet = twoServers();
  fleet.table('s1').open(flowOf('10.0.0.1', SHARED, { pid: 1, isHere: true }, {}), 40_000);
  fleet.table('s2').open(flowOf('10.0.0.1', SHARED, {}, { pid: 22, isHere: true }), 40_000);
  const edges = edgesOf(fleet.state());
  assert.equal(edges['s1/1 10.0.0.1 → s1/- 10.9.9.9:80'], 1);
  assert.equal(edges['-/- 10.0.0.1 → s2/22 10.9.9.9:80'], 1);
});

test('whom a client elsewhere means is told by the ports that both know', () => {
  const fleet = twoServers();
  for (const [pid, port, host, server] of [
    [1, 40_000, 's1', 11],
    [1, 40_001, 's2', 22],
    [2, 40_002, 's2', 22],
  ] as const) {
    fleet.table('c').open(flowOf('10.0.0.1', SHARED, { pid, isHere: true }, {}), port);
    fleet.table(host).open(flowOf('10.0.0.1', SHARED, {}, { pid: server, isHere: true }), port);
  }
  const edges = edgesOf(fleet.state());
  assert.equal(edges['c/1 10.0.0.1 → s1/11 10.9.9.9:80'], 1);
  assert.equal(edges['c/1 10.0.0.1 → s2/22 10.9.9.9:80'], 1);
  assert.equal(edges['c/2 10.0.0.1 → s2/22 10.9.9.9:80'], 1);
});

test('where nothing tells which of two is meant, neither is', () => {
  const fleet = twoServers();
  fleet.table('c').open(flowOf('10.0.0.1', SHARED, { pid: 1, isHere: true }, {}), 40_000);
  // A column that has another port says nothing of this connection.
  fleet.table('s1').open(flowOf('10.0.0.1', SHARED, {}, { pid: 11, isHere: true }), 50_000);
  const flows = fleet.state();
  const mine = flows.filter(({ client }) => client.host === 'c');
  assert.equal(mine.length, 1);
  assert.deepEqual([mine[0]!.server.isAmbiguous, mine[0]!.server.host], [true, undefined]);
  assert.equal(edgesOf(flows)['-/- 10.0.0.1 → s1/11 10.9.9.9:80'], 1);
});

test('a second owner that comes later makes an address ambiguous, and one that goes ends it', () => {
  const fleet = new Fleet();
  fleet.table('s1').open(flowOf('10.0.0.77', SHARED, {}, { pid: 11, isHere: true }), 30_000);
  fleet.table('c').open(flowOf('10.0.0.1', SHARED, { pid: 1, isHere: true }, {}), 40_000);
  assert.equal(edgesOf(fleet.state(T0 + 1_000))['c/1 10.0.0.1 → s1/- 10.9.9.9:80'], 1);
  fleet.table('s2').open(flowOf('10.0.0.78', SHARED, {}, { pid: 22, isHere: true }), 30_000);
  assert.ok(fleet.state(T0 + 2_000).some(({ client, server }) => client.host === 'c' && server.isAmbiguous));
  fleet.store.forget('probe-s2');
  assert.equal(edgesOf(fleet.store.flows(T0 + 2_000))['c/1 10.0.0.1 → s1/- 10.9.9.9:80'], 1);
});

test('two hosts with one interface address have two networks: neither means the other', () => {
  const fleet = new Fleet();
  fleet.table('a').open(flowOf('172.17.0.9', '172.17.0.5:80', { pid: 1, isHere: true }, {}), 40_000);
  fleet.table('b').open(flowOf('172.17.0.9', '172.17.0.5:80', {}, { pid: 2, isHere: true }), 40_000);
  const joined = { 'a/1 172.17.0.9 → b/2 172.17.0.5:80': 1 };
  assert.deepEqual(edgesOf(fleet.state(T0 + 1_000)), joined);
  fleet.store.noteHost('a', ['172.17.0.1/16', '10.0.0.1/24']);
  assert.deepEqual(edgesOf(fleet.store.flows(T0 + 1_000)), joined);
  fleet.store.noteHost('b', ['172.17.0.1/16', '10.0.0.2/24']);
  assert.deepEqual(edgesOf(fleet.store.flows(T0 + 1_000)), {
    'a/1 172.17.0.9 → -/- 172.17.0.5:80': 1,
    '-/- 172.17.0.9 → b/2 172.17.0.5:80': 1,
  });
});

test('addresses of one host only are never another host’s', () => {
  const fleet = new Fleet();
  for (const host of ['a', 'b']) {
    const scope = { scope: host };
    fleet
      .table(host)
      .open(flowOf('172.17.0.3', '172.17.0.2:80', { pid: 1, isHere: true }, {}, scope), 40_000);
    fleet
      .table(host)
      .open(flowOf('172.17.0.3', '172.17.0.2:80', {}, { pid: 2, isHere: true }, scope), 40_000);
  }
  assert.deepEqual(edgesOf(fleet.state()), {
    'a/1 172.17.0.3 → a/2 172.17.0.2:80': 1,
    'b/1 172.17.0.3 → b/2 172.17.0.2:80': 1,
  });
});

test('ends that stay are the same objects, and one end is one object', () => {
  const fleet = new Fleet();
  const server = { host: 's', address: '10.1.0.1', pid: 2 };
  for (let i = 0; i < 3; i++) {
    const client = { host: 'a', address: '10.0.0.1', pid: 1 };
    fleet.connect(client, 40_000 + i, `10.1.0.1:${80 + i}`, server);
  }
  const before = fleet.state(T0 + 1_000);
  assert.equal(new Set(before.map(({ client }) => client)).size, 1);
  fleet.connect({ host: 'a', address: '10.0.0.1', pid: 1 }, 40_009, '10.1.0.1:80', server);
  const after = fleet.state(T0 + 2_000);
  assert.deepEqual(
    new Set(after.flatMap((flow) => [flow.client, flow.server])),
    new Set(before.flatMap((flow) => [flow.client, flow.server])),
  );
  for (const flow of after)
    assert.ok(before.some(({ client, server: there }) => client === flow.client && there === flow.server));
});
