/** What the two ends, and translators between them, state of the same connections is joined into what is true. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JoinedFlow } from '../../../src/app/flows/joined-flow.js';
import {
  edgesOf,
  endOf,
  Fleet,
  sumsBy,
  T0,
  type Process,
  type Translator,
} from '../../support/flow-fleet.js';
import { Random } from '../../support/random.js';
import { flowOf } from '../../support/stated-table.js';

const byServer = ({ byServer: there }: JoinedFlow): number => there?.connections ?? 0;

function processesOn(host: string, address: string, pids: readonly number[]): Process[] {
  return pids.map((pid) => ({ host, address, pid }));
}

const CLIENTS = processesOn('a', '10.0.0.1', [1, 2, 3]);
const SERVERS = [
  ...processesOn('s1', '10.1.0.1', [11, 12]),
  ...processesOn('s2', '10.1.0.2', [21, 22]),
  ...processesOn('s3', '10.1.0.3', [31]),
];

/** Both ends' counts are the truth, nothing is ambiguous, sampled, or there twice. */
function assertTruth(fleet: Fleet, flows: readonly JoinedFlow[]): void {
  assert.deepEqual(edgesOf(flows), fleet.truth);
  assert.deepEqual(edgesOf(flows, byServer), fleet.truth);
  assert.ok(flows.every(({ isSampled }) => !isSampled));
  assert.ok(flows.every(({ server }) => !server.isAmbiguous));
}

test('client processes and server processes, without translation', () => {
  const fleet = new Fleet();
  const random = new Random(1);
  for (let i = 0; i < 60; i++) {
    const server = random.pick(SERVERS);
    fleet.connect(random.pick(CLIENTS), 40_000 + i, `${server.address}:80`, server);
  }
  assertTruth(fleet, fleet.state());
});

test('a dialled address that leads to several servers at random', () => {
  const fleet = new Fleet();
  const random = new Random(2);
  for (let i = 0; i < 60; i++) {
    const server = random.pick(SERVERS);
    fleet.connect(random.pick(CLIENTS), 40_000 + i, '10.96.0.1:80', server, [
      { host: 'gate', to: `${server.address}:8080` },
    ]);
  }
  const flows = fleet.state();
  assertTruth(fleet, flows);
  assert.deepEqual(
    new Set(flows.map(({ via, nat }) => `${via} ${nat}`)),
    new Set(['10.96.0.1:80 conntrack']),
  );
});

test('a translated address that hides several clients, with their ports translated, too', () => {
  const fleet = new Fleet();
  const random = new Random(3);
  const clients = [...CLIENTS, ...processesOn('b', '10.0.0.2', [1, 2])];
  const server = SERVERS.slice(0, 2);
  // Clients of several machines have the same ports.
  const ports: Record<string, number> = { a: 40_000, b: 40_000 };
  for (let i = 0; i < 60; i++) {
    const gate: Translator = { host: 'gate', as: '192.0.2.1', port: 1_024 + i * 7 };
    const client = random.pick(clients);
    fleet.connect(client, ports[client.host]!++, '10.1.0.1:80', random.pick(server), [gate]);
  }
  assertTruth(fleet, fleet.state());
});

test('both addresses translated, at random', () => {
  const fleet = new Fleet();
  const random = new Random(4);
  const clients = [...CLIENTS, ...processesOn('b', '10.0.0.2', [1, 2])];
  for (let i = 0; i < 60; i++) {
    const server = random.pick(SERVERS);
    fleet.connect(random.pick(clients), 40_000 + i, '192.0.2.9:80', server, [
      { host: 'gate', to: `${server.address}:8080`, as: '10.1.0.254', port: 50_000 - i },
    ]);
  }
  assertTruth(fleet, fleet.state());
});

test('two translators in a row', () => {
  const fleet = new Fleet();
  const random = new Random(5);
  for (let i = 0; i < 60; i++) {
    const server = random.pick(SERVERS);
    fleet.connect(random.pick(CLIENTS), 40_000 + i, '192.0.2.9:80', server, [
      { host: 'outer', to: '10.96.0.1:80', as: '198.51.100.1', port: 20_000 + i },
      { host: 'inner', to: `${server.address}:8080`, as: '10.1.0.254', port: 50_000 - i },
    ]);
  }
  assertTruth(fleet, fleet.state());
});

test('a host that reaches its own server, and a neighbour, by way of a translator', () => {
  const fleet = new Fleet();
  const random = new Random(6);
  const servers = [...processesOn('a', '10.0.0.1', [71, 72]), ...processesOn('b', '10.0.0.2', [81])];
  for (let i = 0; i < 60; i++) {
    const server = random.pick(servers);
    fleet.connect(random.pick(CLIENTS), 40_000 + i, '192.0.2.9:80', server, [
      { host: 'gate', to: `${server.address}:8080`, as: '10.0.0.254' },
    ]);
  }
  assertTruth(fleet, fleet.state());
});

test('a translated address with one client and one server behind it needs no ports', () => {
  const fleet = new Fleet();
  const [client, server] = [CLIENTS[0]!, SERVERS[0]!];
  for (let i = 0; i < 5_000; i++)
    fleet.connect(client, 20_000 + i, '192.0.2.9:80', server, [
      { host: 'gate', to: '10.1.0.1:8080', as: '10.1.0.254', port: 60_000 - i },
    ]);
  assertTruth(fleet, fleet.state());
});

test('servers without a probe behind a translator are known by their addresses', () => {
  const fleet = new Fleet();
  for (let i = 0; i < 40; i++)
    fleet.connect(CLIENTS[i % 3]!, 40_000 + i, '10.96.0.1:80', undefined, [
      { host: 'gate', to: `10.1.0.${1 + (i % 2)}:8080` },
    ]);
  assert.deepEqual(edgesOf(fleet.state()), fleet.truth);
});

test('clients without a probe behind a translator are known by their addresses', () => {
  const fleet = new Fleet();
  const server = SERVERS[0]!;
  const table = fleet.table(server.host);
  for (let i = 0; i < 40; i++) {
    const bridge = flowOf(
      `10.0.0.${1 + (i % 2)}`,
      '10.1.0.1:80',
      {},
      {},
      {
        kind: 'forwarded',
        clientVia: '192.0.2.1',
      },
    );
    fleet.table('gate').open(bridge, 40_000 + i, { portThere: 50_000 + i });
    table.open(flowOf('192.0.2.1', '10.1.0.1:80', {}, { pid: 11, isHere: true }), 50_000 + i);
  }
  assert.deepEqual(edgesOf(fleet.state()), {
    '-/- 10.0.0.1 → s1/11 10.1.0.1:80': 20,
    '-/- 10.0.0.2 → s1/11 10.1.0.1:80': 20,
  });
});

test('without the translator and without the server, what was dialled stays what it is', () => {
  const fleet = new Fleet();
  const server = SERVERS[0]!;
  for (let i = 0; i < 10; i++)
    fleet.connect(CLIENTS[0]!, 40_000 + i, '10.96.0.1:80', server, [{ host: 'gate', to: '10.1.0.1:8080' }]);
  assert.deepEqual(edgesOf(fleet.state(T0 + 5_000, ['gate', 's1'])), {
    'a/1 10.0.0.1 → -/- 10.96.0.1:80': 10,
  });
});

test('translators alone are no connections', () => {
  const fleet = new Fleet();
  for (let i = 0; i < 10; i++)
    fleet.connect(CLIENTS[0]!, 40_000 + i, '10.96.0.1:80', SERVERS[0], [
      { host: 'gate', to: '10.1.0.1:8080' },
    ]);
  assert.deepEqual(fleet.state(T0 + 5_000, ['a', 's1']), []);
});

test('a published port: the server states what was dialled, the client knows no other', () => {
  const fleet = new Fleet();
  for (let i = 0; i < 30; i++) {
    const [client, pid] = [CLIENTS[i % 3]!, 11 + (i % 2)];
    fleet
      .table('a')
      .open(flowOf(client.address, '10.1.0.1:8080', { pid: client.pid, isHere: true }, {}), 40_000 + i);
    const column = flowOf(
      client.address,
      '172.17.0.2:80',
      {},
      { pid, isHere: true },
      {
        scope: 's1',
        via: '10.1.0.1:8080',
      },
    );
    fleet.table('s1').open(column, 40_000 + i);
    const edge = `a/${client.pid} 10.0.0.1 → s1/${pid} 172.17.0.2:80`;
    fleet.truth[edge] = (fleet.truth[edge] ?? 0) + 1;
  }
  const flows = fleet.state();
  assertTruth(fleet, flows);
  assert.ok(flows.every(({ via, client }) => via === '10.1.0.1:8080' && client.scope === ''));
});

test('more connections than ports are kept of: rows and columns have their own sums, and say that they are sampled', () => {
  for (const [seed, connections] of [
    [7, 300],
    [8, 20_000],
  ] as const) {
    const fleet = new Fleet();
    const random = new Random(seed);
    const rows: Record<string, number> = {};
    const columns: Record<string, number> = {};
    for (let i = 0; i < connections; i++) {
      const [client, server] = [random.pick(CLIENTS), random.pick(SERVERS)];
      fleet.connect(client, 20_000 + i, '192.0.2.9:80', server, [
        { host: 'gate', to: `${server.address}:8080`, as: '10.1.0.254', port: 60_000 - i },
      ]);
      const row = `a/${client.pid} 10.0.0.1`;
      const column = `${server.host}/${server.pid} ${server.address}`;
      rows[row] = (rows[row] ?? 0) + 1;
      columns[column] = (columns[column] ?? 0) + 1;
    }
    const flows = fleet.state();
    assert.deepEqual(
      sumsBy(
        flows,
        (flow) => endOf(flow, 'client'),
        ({ activity }) => activity.connections,
      ),
      rows,
    );
    const there = flows.filter((flow) => flow.byServer !== undefined);
    assert.deepEqual(
      sumsBy(there, (flow) => endOf(flow, 'server'), byServer),
      columns,
    );
    assert.ok(flows.some(({ isSampled }) => isSampled));
  }
});

test('clocks apart: each side has its own sums', () => {
  const fleet = new Fleet();
  const random = new Random(9);
  const servers = SERVERS.slice(0, 2);
  const open = (count: number, from: number): void => {
    for (let i = 0; i < count; i++)
      fleet.connect(random.pick(CLIENTS), from + i, '10.1.0.1:80', random.pick(servers));
  };
  open(30, 40_000);
  fleet.state(T0 + 3_000, ['s1']);
  open(20, 40_100);
  const flows = fleet.state(T0 + 7_000, ['a']);
  assert.equal(
    Object.values(edgesOf(flows, ({ byClient }) => byClient?.connections ?? 0)).reduce((a, b) => a + b),
    30,
  );
  assert.equal(
    Object.values(edgesOf(flows, byServer)).reduce((a, b) => a + b),
    50,
  );
  assert.deepEqual(edgesOf(fleet.state(T0 + 10_000)), fleet.truth);
});

test('failed connects are no server process’s where there are several', () => {
  const fleet = new Fleet();
  const servers = SERVERS.slice(0, 2);
  const random = new Random(10);
  const row = flowOf('10.0.0.1', '10.1.0.1:80', { pid: 1, isHere: true }, {});
  for (let i = 0; i < 20; i++) fleet.connect(CLIENTS[0]!, 40_000 + i, '10.1.0.1:80', random.pick(servers));
  fleet.table('a').fail(row, 'refused', 3);
  const flows = fleet.state();
  assertTruth(fleet, flows);
  const failed = flows.filter(({ failures }) => failures.size > 0);
  assert.deepEqual(
    failed.map((flow) => [endOf(flow, 'client'), endOf(flow, 'server'), flow.failures.get('refused')]),
    [['a/1 10.0.0.1', 's1/- 10.1.0.1', 3]],
  );
});

test('what the two ends count apart is kept apart: bytes, failures and times are of the client’s host', () => {
  const fleet = new Fleet();
  for (let i = 0; i < 8; i++) fleet.connect(CLIENTS[0]!, 40_000 + i, '10.1.0.1:80', SERVERS[i % 2]);
  fleet.table('a').connections.forEach((connection, i) => (connection.bytes = 101 + i));
  for (const connection of fleet.table('s1').connections) connection.bytes = 100;
  const flows = fleet.state();
  const sum = (of: (flow: JoinedFlow) => number): number => flows.reduce((all, flow) => all + of(flow), 0);
  const sent = fleet.table('a').connections.reduce((all, { bytes }) => all + bytes, 0);
  assert.equal(
    sum(({ activity }) => activity.bytesSent),
    sent,
  );
  assert.equal(
    sum(({ activity }) => activity.bytesReceived),
    3 * sent,
  );
  assert.equal(
    sum(({ byServer: there }) => there!.bytesSent),
    800,
  );
});
