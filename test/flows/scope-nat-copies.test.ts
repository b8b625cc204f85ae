/** Hosts that do not see a translation find its connections by the addresses that they know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointTopology, type TranslatedFlow } from '../../src/flows/scope-endpoints.js';
import { NAT_COPIES_MAX } from '../../src/flows/scope-form/nat-copies.js';
import { FACT, latestOf } from '../../src/report/keys.js';
import { fromMillis } from '../../src/report/model/timestamp.js';
import { countsOf, every, rowOf } from './rows.js';

const now = fromMillis(1_795_244_936_000);
const options = { hostName: 'vm', now };

const FORWARDED: TranslatedFlow = {
  scope: '',
  clientAddress: '10.1.0.9',
  serverAddress: '10.2.0.5',
  serverPort: 8080,
  via: '192.0.2.1:80',
  clientVia: '10.2.0.1',
  ports: [
    [40_001, 40_001],
    [40_002, 1025],
  ],
};

test('a server here that is dialled by another address has a copy there', () => {
  const form = endpointTopology(
    [rowOf({ client: '10.1.0.9', server: '172.17.0.2:80 7', via: '10.0.0.1:8080', ports: [40_001] })],
    options,
  );
  const copy = form.topology.nodes.get(';10.0.0.1;8080');
  assert.equal(latestOf(copy, FACT.copyOf), ';172.17.0.2;80');
  assert.equal(latestOf(copy, FACT.pid), '7');
  assert.equal(form.copies, 1);
});

test('a client here names what it dialled; the server elsewhere gets no copy', () => {
  const form = endpointTopology(
    [rowOf({ client: '10.1.0.9 7', server: '2001:db8::1:80', via: '[2001:db8::9]:8080', ports: [40_001] })],
    options,
  );
  assert.equal(
    latestOf(form.topology.nodes.get(';10.1.0.9;40001'), FACT.natDestination),
    '[2001:db8::9]:8080',
  );
  assert.deepEqual([...form.topology.nodes.keys()].sort(), [';10.1.0.9;40001', ';2001:db8::1;80']);
});

test('a client here whose source is translated has copies of its endpoints, and of no others', () => {
  const translated = [
    {
      ...FORWARDED,
      via: '',
      ports: [
        [40_001, 1024],
        [40_002, 1025],
      ] as const,
    },
  ];
  const form = endpointTopology([rowOf({ client: '10.1.0.9 7', server: '10.2.0.5:8080', ports: [40_001] })], {
    ...options,
    translated,
  });
  const copy = form.topology.nodes.get(';10.2.0.1;1024');
  assert.equal(latestOf(copy, FACT.copyOf), ';10.1.0.9;40001');
  assert.deepEqual(copy?.adjacency, [';10.2.0.5;8080']);
  assert.equal(latestOf(form.topology.nodes.get(';10.1.0.9;40001'), FACT.natSource), '10.2.0.1:1024');
  assert.equal(form.topology.nodes.size, 3);
  assert.deepEqual(countsOf(form), new Map([['7 → ;10.2.0.5;8080', 1]]));
});

test('connections that this host forwards have copies of both ends, and nobody’s process', () => {
  const { topology, copies } = endpointTopology([], { ...options, translated: [FORWARDED] });
  assert.deepEqual(
    [...topology.nodes.values()]
      .map((node) => [node.id, latestOf(node, FACT.copyOf), node.latest?.size])
      .sort(),
    [
      [';10.2.0.1;1025', ';10.1.0.9;40002', 1],
      [';10.2.0.1;40001', ';10.1.0.9;40001', 1],
      [';192.0.2.1;80', ';10.2.0.5;8080', 1],
    ],
  );
  assert.equal(copies, 3);
});

test('an endpoint that a process here has is no copy', () => {
  const form = endpointTopology(
    [
      rowOf({ client: '10.1.0.9', server: '172.17.0.2:80 7', via: '10.0.0.1:8080', ports: [40_001] }),
      rowOf({ client: '10.1.0.8', server: '10.0.0.1:8080 8', ports: [40_001] }),
    ],
    options,
  );
  assert.equal(latestOf(form.topology.nodes.get(';10.0.0.1;8080'), FACT.copyOf), undefined);
  assert.equal(latestOf(form.topology.nodes.get(';10.0.0.1;8080'), FACT.pid), '8');
});

test('of several servers behind one address the busiest is the one that is copied, in any order of the rows', () => {
  const rows = [3, 9, 4].map((connections, i) =>
    rowOf({
      client: '10.1.0.9',
      server: `172.17.0.${i}:80 ${10 + i}`,
      via: '10.0.0.1:8080',
      ports: every(1, 40_000 + 100 * i, connections),
    }),
  );
  for (const some of [rows, [...rows].reverse()]) {
    const { topology } = endpointTopology(some, options);
    assert.equal(latestOf(topology.nodes.get(';10.0.0.1;8080'), FACT.copyOf), ';172.17.0.1;80');
  }
});

test('a gateway makes no more copies than there is room for, and counts the rest', () => {
  const ports = every(1, 1, 30_000).map((port): [number, number] => [port, port]);
  const form = endpointTopology([], { ...options, translated: [{ ...FORWARDED, via: '', ports }] });
  assert.equal(form.topology.nodes.size, NAT_COPIES_MAX);
  assert.equal(form.copies, NAT_COPIES_MAX);
  assert.equal(form.copiesDropped, 30_000 - NAT_COPIES_MAX);
});
