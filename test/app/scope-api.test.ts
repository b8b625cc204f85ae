/** The API that tools made for Scope use: paths, fields, options and answers to wrong questions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeReport } from '../../src/report/index.js';
import { runApp } from './running-app.js';
import { clientSide, endpointNode, hostNode, makeReport, processNode, serverSide } from './sample-reports.js';

interface Summary {
  id: string;
  label: string;
  labelMinor: string;
  rank: string;
  shape?: string;
  pseudo?: boolean;
  stack?: boolean;
  adjacency?: string[];
}
type Nodes = Record<string, Summary>;

test('/api tells who the app is, the same each time, and another app has another id', async (t) => {
  const app = await runApp(t, { version: '1.2.3', hostname: 'here' });
  const { body } = await app.get('/api');
  const { id, ...rest } = body as { id: string };
  assert.deepEqual(rest, {
    version: '1.2.3',
    hostname: 'here',
    capabilities: { historic_reports: false, flows: 1 },
    plugins: [],
  });
  assert.deepEqual((await app.get('/api')).body, body);
  assert.notEqual(((await (await runApp(t)).get('/api')).body as { id: string }).id, id);
});

test("Scope's probes are told of no capability that is not true or false: they could read nothing then", async (t) => {
  const app = await runApp(t);
  const askWith = async (headers: Record<string, string>): Promise<unknown> => {
    const { body } = await app.get('/api', headers);
    return (body as { capabilities: unknown }).capabilities;
  };
  const scopes = { 'user-agent': 'Scope_Probe/1.13.2' };
  assert.deepEqual(await askWith(scopes), { historic_reports: false });
  for (const headers of [{ ...scopes, 'x-topoprobe-flows': '1' }, { 'user-agent': 'curl/8.0.1' }])
    assert.deepEqual(await askWith(headers), { historic_reports: false, flows: 1 });
});

test('two probes at the two ends of a connection make one edge between their processes', async (t) => {
  const app = await runApp(t);
  await app.report(clientSide(), 'a');
  await app.report(serverSide(), 'b');
  const { nodes } = (await app.get('/api/topology/processes')).body as { nodes: Nodes };
  assert.deepEqual(nodes, {
    'alpha;11': {
      id: 'alpha;11',
      label: 'curl',
      labelMinor: 'alpha (11)',
      rank: 'curl',
      shape: 'square',
      parents: [{ id: 'alpha;<host>', label: 'alpha', topologyId: 'hosts' }],
      adjacency: ['beta;22'],
    },
    'beta;22': {
      id: 'beta;22',
      label: 'nginx',
      labelMinor: 'beta (22)',
      rank: 'nginx',
      shape: 'square',
      parents: [{ id: 'beta;<host>', label: 'beta', topologyId: 'hosts' }],
    },
  });
  const byName = ((await app.get('/api/topology/processes-by-name')).body as { nodes: Nodes }).nodes;
  assert.deepEqual(byName['curl'], {
    id: 'curl',
    label: 'curl',
    labelMinor: '1 process',
    rank: 'curl',
    shape: 'square',
    stack: true,
    adjacency: ['nginx'],
  });
  const hosts = ((await app.get('/api/topology/hosts')).body as { nodes: Nodes }).nodes;
  assert.deepEqual(hosts['alpha;<host>']?.adjacency, ['beta;<host>']);
});

test('processes that talk to no other are shown on request only', async (t) => {
  const app = await runApp(t);
  const loop = ['x-1;127.0.0.1;5000', 'x-1;127.0.0.1;80'] as const;
  await app.report(
    makeReport({
      Process: [processNode('x', 1, 'idle'), processNode('x', 2, 'narcissus')],
      Endpoint: [
        endpointNode(loop[0], { owner: ['x', 2], to: [loop[1]] }),
        endpointNode(loop[1], { owner: ['x', 2] }),
      ],
    }),
  );
  assert.deepEqual((await app.get('/api/topology/processes?unconnected=hide')).body, { nodes: {} });
  const { nodes } = (await app.get('/api/topology/processes?unconnected=show')).body as { nodes: Nodes };
  assert.deepEqual(Object.keys(nodes).sort(), ['x;1', 'x;2']);
  assert.deepEqual(nodes['x;2']?.adjacency, ['x;2']);
});

test('what no probe is at is the Internet, in and out, a private network, or a known service by its name', async (t) => {
  const app = await runApp(t);
  await app.report(
    makeReport(
      {
        Host: [hostNode('x')],
        Process: [processNode('x', 1, 'web')],
        Endpoint: [
          endpointNode(';203.0.113.9;5555', { to: [';10.0.0.1;80'] }),
          endpointNode(';10.0.0.1;80', { owner: ['x', 1] }),
          endpointNode(';10.0.0.1;40001', { owner: ['x', 1], to: [';198.51.100.7;443'] }),
          endpointNode(';198.51.100.7;443'),
          endpointNode(';10.0.0.1;40002', { owner: ['x', 1], to: [';198.51.100.8;443'] }),
          endpointNode(';198.51.100.8;443'),
          endpointNode(';10.0.0.1;40003', { owner: ['x', 1], to: [';10.9.9.9;443'] }),
          endpointNode(';10.9.9.9;443'),
        ],
      },
      { dns: new Map([['198.51.100.8', { forward: ['s3.amazonaws.com'] }]]) },
    ),
  );
  const { nodes } = (await app.get('/api/topology/processes')).body as { nodes: Nodes };
  assert.deepEqual(Object.keys(nodes).sort(), [
    'in-theinternet',
    'out-theinternet',
    'pseudo:private:10.0.0.0/8',
    'service-s3.amazonaws.com',
    'x;1',
  ]);
  assert.deepEqual(nodes['in-theinternet'], {
    id: 'in-theinternet',
    label: 'The Internet',
    labelMinor: 'Inbound connections',
    rank: 'in-theinternet',
    shape: 'cloud',
    pseudo: true,
    adjacency: ['x;1'],
  });
  assert.equal(nodes['out-theinternet']?.labelMinor, 'Outbound connections');
  assert.equal(nodes['service-s3.amazonaws.com']?.label, 's3.amazonaws.com');
});

test("a node's page has its connections with ports and counts", async (t) => {
  const app = await runApp(t);
  await app.report(clientSide({ conn_count: '17' }), 'a');
  await app.report(serverSide(), 'b');
  const { body } = await app.get(`/api/topology/processes/${encodeURIComponent('alpha;11')}`);
  const { node } = body as {
    node: Summary & {
      connections: { id: string; connections: unknown[] }[];
      controls: unknown[];
      children: unknown[];
    };
  };
  assert.equal(node.label, 'curl');
  assert.deepEqual(node.controls, []);
  assert.deepEqual(
    node.connections.map(({ id, connections }) => [id, connections]),
    [
      ['incoming-connections', []],
      [
        'outgoing-connections',
        [
          {
            id: 'beta;22---80',
            nodeId: 'beta;22',
            label: 'nginx',
            labelMinor: 'beta (22)',
            metadata: [
              { id: 'port', value: '80', dataType: 'number' },
              { id: 'count', value: '17', dataType: 'number' },
            ],
          },
        ],
      ],
    ],
  );
  const host = (await app.get(`/api/topology/hosts/${encodeURIComponent('beta;<host>')}`)).body as {
    node: { children: { id: string; nodes: Summary[] }[] };
  };
  assert.deepEqual(
    host.node.children.map(({ id, nodes }) => [id, nodes.map((child) => child.id)]),
    [['processes', ['beta;22']]],
  );
});

test('unknown views and nodes are 404, questions about the past 400, with a reason', async (t) => {
  const app = await runApp(t);
  for (const [path, status, code] of [
    ['/api/topology/nonsense', 404, 'NO_SUCH_VIEW'],
    ['/api/topology/processes/none;1', 404, 'NO_SUCH_NODE'],
    ['/api/nothing', 404, 'NO_SUCH_PAGE'],
    ['/api/report?timestamp=2020-01-01T00:00:00Z', 400, 'NO_HISTORY'],
  ] as const) {
    const { status: got, body } = await app.get(path);
    assert.equal(got, status, path);
    assert.equal((body as { code: string }).code, code);
  }
});

test('/api/topology lists the views with options and statistics', async (t) => {
  const app = await runApp(t);
  await app.report(clientSide(), 'a');
  await app.report(serverSide(), 'b');
  const list = (await app.get('/api/topology')).body as {
    name: string;
    url: string;
    rank: number;
    options: { id: string }[];
    stats: object;
    sub_topologies?: { url: string }[];
  }[];
  assert.deepEqual(
    list
      .filter(({ name }) => ['Processes', 'Containers', 'Pods', 'Hosts'].includes(name))
      .map(({ name, rank, url, sub_topologies }) => [
        name,
        rank,
        url,
        sub_topologies?.map((part) => part.url),
      ]),
    [
      ['Processes', 1, '/api/topology/processes', ['/api/topology/processes-by-name']],
      [
        'Containers',
        2,
        '/api/topology/containers',
        ['/api/topology/containers-by-hostname', '/api/topology/containers-by-image'],
      ],
      ['Pods', 3, '/api/topology/pods', ['/api/topology/kube-controllers', '/api/topology/services']],
      ['Hosts', 4, '/api/topology/hosts', ['/api/topology/weave']],
    ],
  );
  assert.deepEqual(list[0]?.stats, {
    node_count: 2,
    nonpseudo_node_count: 2,
    edge_count: 1,
    filtered_nodes: 0,
  });
  assert.deepEqual(
    list[0].options.map(({ id }) => id),
    ['unconnected'],
  );
});

test('/api/report is the merged report, as JSON or as MessagePack', async (t) => {
  const app = await runApp(t);
  await app.report(clientSide(), 'a');
  await app.report(serverSide(), 'b');
  const json = (await app.get('/api/report')).body as {
    Endpoint: { nodes: Record<string, { latest: Record<string, { value: string }> }> };
  };
  assert.equal(json.Endpoint.nodes[';10.0.0.2;80']?.latest['pid']?.value, '22');
  const answer = await fetch(`${app.url}/api/report`, { headers: { accept: 'application/msgpack' } });
  const report = decodeReport(Buffer.from(await answer.arrayBuffer()));
  assert.equal(
    report.topologies.get('Endpoint')?.nodes.get(';10.0.0.1;40000')?.latest?.get('pid')?.value,
    '11',
  );
});

test('/api/probes lists who reports, or only whether anyone does', async (t) => {
  const app = await runApp(t);
  assert.deepEqual((await app.get('/api/probes?sparse')).body, false);
  await app.report(clientSide(), 'a');
  assert.deepEqual((await app.get('/api/probes?sparse')).body, true);
  const [probe] = (await app.get('/api/probes')).body as { id: string; hostname: string; lastSeen: string }[];
  assert.equal(probe?.id, 'a');
  assert.equal(probe.hostname, 'alpha');
  assert.ok(!Number.isNaN(Date.parse(probe.lastSeen)));
});

test('a report counts for the window and no longer', async (t) => {
  let now = 1_700_000_000_000;
  const app = await runApp(t, { windowMs: 15_000, clock: () => now });
  await app.report(clientSide(), 'a');
  now += 10_000;
  await app.report(serverSide(), 'b');
  assert.equal(
    Object.keys(((await app.get('/api/topology/hosts')).body as { nodes: Nodes }).nodes).length,
    2,
  );
  now += 5_001;
  assert.deepEqual(Object.keys(((await app.get('/api/topology/hosts')).body as { nodes: Nodes }).nodes), [
    'beta;<host>',
  ]);
  now += 10_000;
  assert.deepEqual((await app.get('/api/topology/hosts')).body, { nodes: {} });
  assert.deepEqual((await app.get('/api/probes')).body, []);
});
