/** What Scope does not have: edges with measurements, completeness, search, OpenAPI, Grafana, metrics, ETags, gzip. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, hostNode, makeReport, serverSide } from './sample-reports.js';

async function sampleApp(t: Parameters<typeof runApp>[0]): Promise<RunningApp> {
  const app = await runApp(t);
  await app.report(
    clientSide({
      conn_count: '4',
      bytes_sent: '1000',
      bytes_received: '234',
      rtt_us: '150',
      retransmits: '2',
      connect_us: '300',
      failed_count: '1',
      failed_reason: 'ECONNREFUSED',
    }),
    'a',
  );
  await app.report(serverSide(), 'b');
  return app;
}

test('edges carry what probes measured', async (t) => {
  const app = await sampleApp(t);
  assert.deepEqual((await app.get('/api/v1/edges')).body, {
    view: 'processes',
    total: 1,
    edges: [
      {
        from: 'alpha;11',
        to: 'beta;22',
        fromLabel: 'curl',
        toLabel: 'nginx',
        ports: { '80': 4 },
        via: {},
        connections: 4,
        opened: 0,
        closed: 0,
        live: 4,
        bytesSent: 1000,
        bytesReceived: 234,
        retransmits: 2,
        failed: 1,
        failures: { ECONNREFUSED: 1 },
        rttMicros: 150,
        connectMicros: 300,
        seenBy: 'both',
        ends: {
          client: {
            connections: 4,
            opened: 0,
            closed: 0,
            live: 4,
            bytesSent: 1000,
            bytesReceived: 234,
            retransmits: 2,
            rttMicros: 150,
          },
          server: {
            connections: 1,
            opened: 0,
            closed: 0,
            live: 1,
            bytesSent: 0,
            bytesReceived: 0,
            retransmits: 0,
          },
        },
        disagreement: ['connections'],
        evidence: { direction: {}, clientPid: {}, serverPid: {}, nat: {} },
      },
    ],
  });
  const hosts = (await app.get('/api/v1/edges?view=hosts&limit=1')).body as { edges: { from: string }[] };
  assert.equal(hosts.edges[0]?.from, 'alpha;<host>');
  assert.equal((await app.get('/api/v1/edges?limit=0')).status, 400);
  assert.equal((await app.get('/api/v1/edges?view=none')).status, 404);
});

test('flows are the rows of both ends joined, and filters leave those that are asked for', async (t) => {
  const app = await sampleApp(t);
  const rows = async (query: string): Promise<{ total: number; flows: Record<string, unknown>[] }> =>
    (await app.get(`/api/v1/flows?${query}`)).body as { total: number; flows: Record<string, unknown>[] };
  const { total, flows } = await rows('');
  assert.equal(total, 1);
  assert.deepEqual(flows, [
    {
      scope: '',
      client: { address: '10.0.0.1', host: 'alpha', pid: 11, name: 'curl' },
      server: { address: '10.0.0.2', host: 'beta', pid: 22, name: 'nginx', port: 80 },
      connections: 4,
      opened: 0,
      closed: 0,
      live: 4,
      failed: { ECONNREFUSED: 1 },
      bytesSent: 1000,
      bytesReceived: 234,
      retransmits: 2,
      rttMicros: 150,
      connectMicros: 300,
      evidence: {},
      ports: [],
    },
  ]);
  for (const [query, count] of [
    ['host=alpha', 1],
    ['host=gamma', 0],
    ['pid=22&port=80', 1],
    ['pid=22&port=81', 0],
    ['name=nginx&address=10.0.0.1', 1],
    ['address=10.0.0.9', 0],
  ] as const)
    assert.equal((await rows(query)).total, count, query);
  assert.equal((await app.get('/api/v1/flows?port=100000')).status, 400);
});

test('a probe that falls silent is told as stale before its nodes leave', async (t) => {
  let now = 1_700_000_000_000;
  const app = await runApp(t, { clock: () => now });
  for (let round = 0; round < 3; round++) {
    now += 3_000;
    await app.report(clientSide(), 'a');
  }
  const seen = now;
  const probe = async (): Promise<Record<string, unknown>> =>
    ((await app.get('/api/v1/probes')).body as { probes: Record<string, unknown>[] }).probes[0]!;
  assert.equal((await probe())['complete'], true);
  now += 7_000;
  const silent = await probe();
  assert.equal(silent['staleSince'], new Date(seen).toISOString());
  assert.equal(silent['complete'], false);
  const staleRow = async (): Promise<unknown> => {
    const { nodes } = (await app.get('/api/topology/hosts')).body as {
      nodes: Record<string, { metadata?: { id: string; value: string }[] }>;
    };
    assert.deepEqual(Object.keys(nodes), ['alpha;<host>']);
    return nodes['alpha;<host>']?.metadata?.find(({ id }) => id === 'stale_since')?.value;
  };
  assert.equal(await staleRow(), new Date(seen).toISOString());
  await app.report(clientSide(), 'a');
  assert.equal((await probe())['complete'], true);
  assert.equal(await staleRow(), undefined);
});

test('nodes are found by label and by fact', async (t) => {
  const app = await sampleApp(t);
  const { found } = (await app.get('/api/v1/search?q=NGI')).body as {
    found: { view: string; id: string; field: string }[];
  };
  assert.deepEqual(
    found.map(({ view, id, field }) => [view, id, field]),
    [
      ['processes', 'beta;22', 'label'],
      ['processes-by-name', 'nginx', 'label'],
    ],
  );
  assert.equal((await app.get('/api/v1/search')).status, 400);
});

test('the OpenAPI document describes every path of /api/v1, and these answer', async (t) => {
  const app = await sampleApp(t);
  const { openapi, paths } = (await app.get('/api/v1/openapi.json')).body as {
    openapi: string;
    paths: Record<string, unknown>;
  };
  assert.match(openapi, /^3\.1/);
  assert.deepEqual(Object.keys(paths), [
    '/api/v1/edges',
    '/api/v1/flows',
    '/api/v1/probes',
    '/api/v1/search',
  ]);
  for (const path of Object.keys(paths)) assert.equal((await app.get(`${path}?q=a`)).status, 200, path);
});

test("Grafana's node graph gets fields and data that fit together", async (t) => {
  const app = await sampleApp(t);
  const fields = (await app.get('/api/graph/fields')).body as {
    nodes_fields: { field_name: string }[];
    edges_fields: { field_name: string }[];
  };
  const data = (await app.get('/api/graph/data')).body as {
    nodes: Record<string, unknown>[];
    edges: Record<string, unknown>[];
  };
  assert.deepEqual(
    Object.keys(data.nodes[0]!),
    fields.nodes_fields.map(({ field_name }) => field_name),
  );
  assert.deepEqual(
    Object.keys(data.edges[0]!),
    fields.edges_fields.map(({ field_name }) => field_name),
  );
  assert.deepEqual(data.edges, [
    { id: 'curl→nginx', source: 'curl', target: 'nginx', mainStat: 4, secondaryStat: 1234 },
  ]);
  assert.equal((await app.get('/api/health')).status, 200);
});

test('metrics name the busiest machine pairs and sum the rest', async (t) => {
  const app = await sampleApp(t);
  const text = String((await app.get('/metrics')).body);
  assert.match(text, /^topoprobe_edge_bytes\{from="alpha",to="beta"\} 1234$/m);
  assert.match(text, /^topoprobe_reports_accepted 2$/m);
  assert.match(text, /^topoprobe_probes\{state="fresh"\} 2$/m);
});

test('an unchanged view is answered 304 to who has it', async (t) => {
  const app = await sampleApp(t);
  const first = await app.get('/api/topology/hosts');
  const etag = first.headers.get('etag')!;
  assert.equal((await app.get('/api/topology/hosts', { 'if-none-match': etag })).status, 304);
  await app.report(makeReport({ Host: [hostNode('gamma')] }), 'c');
  assert.equal((await app.get('/api/topology/hosts', { 'if-none-match': etag })).status, 200);
});

test('large answers are gzipped for who accepts it', async (t) => {
  const app = await runApp(t);
  await app.report(makeReport({ Host: Array.from({ length: 50 }, (_, index) => hostNode(`host-${index}`)) }));
  const zipped = await app.get('/api/topology/hosts', { 'accept-encoding': 'gzip' });
  assert.equal(zipped.headers.get('content-encoding'), 'gzip');
  const plain = await app.get('/api/topology/hosts', { 'accept-encoding': 'identity' });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.deepEqual(zipped.body, plain.body);
});
