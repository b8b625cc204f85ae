/** Scope's form of rows that are hard: what a Scope app makes of the nodes is what the rows state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endpointTopology,
  type EndpointSource,
  type ScopeEndpoints,
} from '../../src/flows/scope-endpoints.js';
import { FACT, latestOf, numberOf } from '../../src/report/keys.js';
import type { Node } from '../../src/report/model/model.js';
import { fromMillis } from '../../src/report/model/timestamp.js';
import { countsOf, every, rowOf } from './rows.js';

const now = fromMillis(1_795_244_936_000);

function formOf(...rows: EndpointSource[]): ScopeEndpoints {
  return endpointTopology(rows, { hostName: 'vm', now });
}

function clientsOf({ topology }: ScopeEndpoints): Node[] {
  return [...topology.nodes.values()].filter(({ adjacency }) => adjacency !== undefined);
}

function factsOf(node: Node | undefined): Record<string, string> {
  return Object.fromEntries([...(node?.latest ?? [])].map(([key, { value }]) => [key, value]));
}

test('two nginx with two workers each, and a wrk for each of them: no edge leads crosswise', () => {
  const ports = every(2, 32_768, 14_000);
  const rows = [
    rowOf({ client: '127.0.0.1 10', server: '127.0.0.1:8001 101', ports: ports.slice(0, 64), scope: 'vm-1' }),
    rowOf({ client: '127.0.0.1 10', server: '127.0.0.1:8001 102', ports: ports.slice(0, 64), scope: 'vm-1' }),
    rowOf({
      client: '127.0.0.1 20',
      server: '127.0.0.1:8002 201',
      ports: ports.slice(32, 96),
      scope: 'vm-1',
    }),
    rowOf({
      client: '127.0.0.1 20',
      server: '127.0.0.1:8002 202',
      ports: ports.slice(32, 96),
      scope: 'vm-1',
    }),
  ].map((row, i) => ({ ...row, connections: 7000 + i }));
  const form = formOf(...rows);
  assert.deepEqual(
    countsOf(form),
    new Map([
      ['10 → 101', 7000],
      ['10 → 102', 7001],
      ['20 → 201', 7002],
      ['20 → 202', 7003],
    ]),
  );
  for (const client of clientsOf(form)) assert.equal(client.adjacency?.length, 1);
  assert.equal(form.topology.nodes.size, form.kept + 2);
});

test('a load balancer that has the same client ports towards three servers: each edge has its own count', () => {
  const ports = every(3, 30_000, 60);
  const servers = ['10.0.1.1:80', '10.0.1.2:80', '10.0.1.3:80'];
  const rows = servers.map((server) => rowOf({ client: '10.0.0.1 7', server, ports, connections: 800 }));
  const form = formOf(...rows);
  assert.deepEqual(
    countsOf(form),
    new Map(servers.map((server) => [`7 → ;${server.replace(':', ';')}`, 800])),
  );
  for (const client of clientsOf(form)) assert.equal(client.adjacency?.length, 1);
});

test('rows that could each have a port get one, though others prefer it', () => {
  // Whoever takes its best port first leaves none for another: only one arrangement gives a port to each.
  const rows = every(1, 1, 40).map((i) =>
    rowOf({
      client: '10.0.0.1 7',
      server: `10.0.1.${i}:80`,
      ports: i === 40 ? [40_000] : [40_000 + i, 40_001 + i],
    }),
  );
  const chain = [
    ...rows.slice(0, 39),
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.99:80', ports: [40_001] }),
  ];
  const form = formOf(...chain);
  for (const client of clientsOf(form)) assert.equal(client.adjacency?.length, 1);
  assert.equal(
    clientsOf(form).reduce((sum, node) => sum + (numberOf(node, FACT.connCount) ?? 1), 0),
    39 * 2 + 1,
  );
});

test('FTP: one local port to three servers is one endpoint with three edges', () => {
  const servers = ['10.0.1.1:50001', '10.0.1.2:50002', '10.0.1.3:50003'];
  const form = formOf(...servers.map((server) => rowOf({ client: '10.0.0.1 7', server, ports: [20] })));
  const node = form.topology.nodes.get(';10.0.0.1;20');
  assert.deepEqual(
    node?.adjacency,
    servers.map((server) => `;${server.replace(':', ';')}`),
  );
  assert.equal(latestOf(node, FACT.pid), '7');
  assert.equal(latestOf(node, FACT.connCount), '3');
  assert.equal(form.kept, 3);
});

test('65,535 ports of one client are five endpoints at most, with all of the connections, bytes and segments', () => {
  const numbers = { bytesSent: 123_456_789_012_345, bytesReceived: 7, retransmits: 3, fresh: 65_000 };
  const form = formOf(
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', ports: every(1, 1, 65_535), ...numbers }),
  );
  const clients = clientsOf(form);
  assert.ok(clients.length >= 3 && clients.length <= 5);
  const sumOf = (key: string): number => clients.reduce((sum, node) => sum + (numberOf(node, key) ?? 0), 0);
  assert.equal(sumOf(FACT.connCount), 65_535);
  assert.equal(sumOf(FACT.connNew), 65_000);
  assert.equal(sumOf(FACT.bytesSent), numbers.bytesSent);
  assert.equal(sumOf(FACT.bytesReceived), 7);
  assert.equal(sumOf(FACT.retransmits), 3);
});

test('the ports that a Scope probe at the other end keeps are kept: those that the most powers of three divide', () => {
  const keptOf = (ports: number[]): number[] =>
    clientsOf(formOf(rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', ports })))
      .map(({ id }) => Number(id.split(';')[2]))
      .sort();
  assert.deepEqual(keptOf(every(1, 40_000, 5)), every(1, 40_000, 5));
  assert.deepEqual(keptOf(every(1, 40_000, 90)), [40_014, 40_041, 40_068]);
  assert.deepEqual(keptOf(every(2, 32_768, 64).reverse()), [32_778, 32_832, 32_886]);
});

test('a port that several processes serve has one of them on its node, and each client names its own', () => {
  const form = formOf(
    rowOf({ client: '10.0.0.1 7', server: '10.0.0.1:80 101', ports: [40_001, 40_002] }),
    rowOf({ client: '10.0.0.1 7', server: '10.0.0.1:80 102', ports: [40_003] }),
    rowOf({ client: '10.0.0.9', server: '10.0.0.1:80 103', ports: [40_001], serverExited: true }),
  );
  const { nodes } = form.topology;
  assert.equal(latestOf(nodes.get(';10.0.0.1;80'), FACT.pid), '101');
  assert.equal(latestOf(nodes.get(';10.0.0.1;40001'), FACT.toPid), '101');
  assert.equal(latestOf(nodes.get(';10.0.0.1;40003'), FACT.toPid), '102');
  assert.equal(latestOf(nodes.get(';10.0.0.9;40001'), FACT.toPid), '0');
});

test('a process whose PID is another one by now is named without it', () => {
  const row = rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', ports: [40_001], clientExited: true });
  const form = formOf({
    ...row,
    client: { ...row.client, name: 'curl' },
    evidence: { direction: 'handshake', clientProcess: 'connect' },
  });
  assert.deepEqual(factsOf(form.topology.nodes.get(';10.0.0.1;40001')), {
    exited_pid: '7',
    exited_name: 'curl',
    host_node_id: 'vm;<host>',
    pid_evidence: 'connect',
    direction_evidence: 'handshake',
  });
});

test('failed connects are no connections, and each reason has its own count where there are ports', () => {
  const failed = { refused: 3, 'timed out': 1 };
  const serverFacts = new Map([[FACT.lastListenerName, 'postgres']]);
  const dead = { client: '10.0.0.1 7', server: '10.0.1.1:5432', connections: 0, failed, serverFacts };
  const form = formOf(rowOf({ ...dead, ports: [40_001, 40_002, 40_003] }));
  const facts = clientsOf(form).map(factsOf);
  assert.deepEqual(
    facts.map((each) => [each['conn_count'], each['failed_count'], each['failed_reason']]).sort(),
    [
      ['0', '1', 'timed out'],
      ['0', '3', 'refused'],
    ],
  );
  assert.deepEqual(factsOf(form.topology.nodes.get(';10.0.1.1;5432')), { last_listener_name: 'postgres' });
  const one = clientsOf(formOf(rowOf({ ...dead, ports: [40_001] })));
  assert.deepEqual(one.map(factsOf), [
    {
      pid: '7',
      host_node_id: 'vm;<host>',
      pid_evidence: 'none',
      conn_count: '0',
      failed_count: '4',
      failed_reason: 'refused, timed out',
    },
  ]);
});

test('a flow of which nothing happened and nothing lives makes no endpoint', () => {
  assert.equal(formOf(rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80' })).topology.nodes.size, 0);
});

test('rows without ports are told apart by numbers that are no ports, the same in every report', () => {
  const rows = [
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', connections: 9 }),
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.2:80', connections: 1 }),
    rowOf({ client: '10.0.0.1 8', server: '10.0.1.2:80', connections: 0, failed: { refused: 2, reset: 1 } }),
    rowOf({ client: '10.0.0.1 9', server: '10.0.1.2:80', ports: [40_000] }),
  ];
  const form = formOf(...rows);
  const portless = clientsOf(form).filter(({ id }) => !id.endsWith(';40000'));
  assert.equal(portless.length, 4);
  for (const { id, adjacency } of portless) {
    assert.ok(Number(id.split(';')[2]) > 65_535, id);
    assert.equal(adjacency?.length, 1);
  }
  assert.deepEqual(
    countsOf(form),
    new Map([
      ['7 → ;10.0.1.1;80', 9],
      ['7 → ;10.0.1.2;80', 1],
      ['9 → ;10.0.1.2;80', 1],
    ]),
  );
  assert.equal(form.failed, 3);
  const alone = formOf({ ...rows[1]!, connections: 5 });
  assert.ok(portless.some(({ id }) => id === clientsOf(alone)[0]?.id));
});

test('the rest, which no flow had room for, is no endpoint', () => {
  const form = formOf(
    rowOf({ client: '', server: ':0', connections: 5, failed: { refused: 1 } }),
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', ports: [40_000] }),
  );
  assert.deepEqual([...form.topology.nodes.keys()].sort(), [';10.0.0.1;40000', ';10.0.1.1;80']);
  assert.deepEqual(form.leftOut, { rows: 1, connections: 5, failed: 1 });
});

test('a client port that is a server’s port, too, is left alone where there is another', () => {
  const form = formOf(
    rowOf({ client: '10.0.0.1 7', server: '10.0.1.1:80', ports: [8001, 40_000] }),
    rowOf({ client: '10.0.0.2', server: '10.0.0.1:8001 9', ports: [40_000] }),
  );
  assert.equal(form.topology.nodes.get(';10.0.0.1;8001')?.adjacency, undefined);
  assert.equal(latestOf(form.topology.nodes.get(';10.0.0.1;40000'), FACT.connCount), '2');
});

test('PIDs of others that have a socket open are joined, without the one that has the endpoint', () => {
  const holders = (text: string, more?: string): Map<string, string> =>
    new Map([[FACT.holderPids, text], ...(more === undefined ? [] : [[FACT.holderPidsMore, more] as const])]);
  const form = formOf(
    rowOf({
      client: '10.0.0.9',
      server: '10.0.0.1:80 101',
      ports: [1, 2],
      serverFacts: holders('100 102', '3'),
    }),
    rowOf({
      client: '10.0.0.8',
      server: '10.0.0.1:80 102',
      ports: [1],
      serverFacts: new Map([...holders('1 2 3 4 5 6 101'), [FACT.mptcpSubflows, '2']]),
    }),
  );
  const server = factsOf(form.topology.nodes.get(';10.0.0.1;80'));
  assert.equal(server['holder_pids'], '1 2 3 4 5 6 100 102');
  assert.equal(server['holder_pids_more'], '3');
  assert.equal(server['mptcp_subflows'], undefined);
  assert.equal(latestOf(form.topology.nodes.get(';10.0.0.8;1'), FACT.mptcpSubflows), '2');
});

test('addresses that mean something on one host only have its name in their ids', () => {
  const form = endpointTopology(
    [
      rowOf({ client: '127.0.0.1 7', server: '172.17.0.2:80', ports: [40_001], scope: 'vm-4026531833' }),
      rowOf({ client: 'fe80::1 7', server: 'fe80::2:80', ports: [40_001], scope: 'vm' }),
      rowOf({ client: '172.17.0.1 7', server: '172.17.0.3:80', ports: [40_001], scope: 'vm-5' }),
    ],
    { now },
  );
  assert.deepEqual([...form.topology.nodes.keys()].sort(), [
    ';172.17.0.2;80',
    'vm-4026531833;127.0.0.1;40001',
    'vm-5;172.17.0.1;40001',
    'vm-5;172.17.0.3;80',
    'vm;fe80::1;40001',
    'vm;fe80::2;80',
  ]);
});
