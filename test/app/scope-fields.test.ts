/** Every field of a node in Scope's JSON, and every view and option, on a small Kubernetes fleet. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import type { Node, Report, Topology, TopologyKey } from '../../src/report/model/model.js';
import { runApp, type RunningApp } from './running-app.js';
import {
  endpointNode,
  facts,
  hostNode,
  makeNode,
  makeReport,
  processNode,
  SAMPLE_TIME,
} from './sample-reports.js';

const WEB = 'a'.repeat(64);
const DB = 'b'.repeat(64);
const PAUSE = 'c'.repeat(64);

function container(
  id: string,
  name: string,
  image: string,
  extra: Record<string, string>,
  pod?: string,
): Node {
  return makeNode(`${id};<container>`, 'container', {
    latest: facts({
      docker_container_id: id,
      docker_container_name: name,
      docker_container_hostname: `${name}.local`,
      docker_container_state: 'running',
      docker_image_id: image,
      host_node_id: 'x;<host>',
      ...extra,
    }),
    parents: new Map([
      ['host', ['x;<host>']],
      ['container_image', [`${image};<container_image>`]],
      ...(pod === undefined ? [] : ([['pod', [`${pod};<pod>`]]] as [string, string[]][])),
    ]),
  });
}

function pod(id: string, namespace: string, parents: Record<string, string[]>): Node {
  return makeNode(`${id};<pod>`, 'pod', {
    latest: facts({ kubernetes_name: id, kubernetes_namespace: namespace, kubernetes_state: 'Running' }),
    parents: new Map(Object.entries(parents)),
  });
}

const named = (id: string, topology: string, name: string, namespace: string): Node =>
  makeNode(`${id};<${topology}>`, topology, {
    latest: facts({ kubernetes_name: name, kubernetes_namespace: namespace }),
  });

const image = (id: string, name: string): Node =>
  makeNode(`${id};<container_image>`, 'container_image', {
    latest: facts({ docker_image_id: id, docker_image_name: name }),
  });

/** web (a container in a pod of a deployment and a service) talks to db, and to cron, which is in no container. */
function fleet(): Report {
  const report = makeReport({
    Host: [hostNode('x')],
    Process: [
      processNode('x', 1, 'web', { docker_container_id: WEB, cmdline: '/web --port 80', threads: '4' }),
      processNode('x', 2, 'db', { docker_container_id: DB }),
      processNode('x', 3, 'cron'),
      processNode('x', 4, 'idle'),
    ],
    Container: [
      container(WEB, 'web', 'web-image', { docker_label_role: 'front', docker_label_tier: '1' }, 'web-1'),
      container(DB, 'db', 'db-image', { docker_container_state: 'exited' }, 'db-1'),
      container(PAUSE, 'pause', 'pause-image', {}),
    ],
    ContainerImage: [
      image('web-image', 'registry/web:2'),
      image('db-image', 'postgres:16'),
      image('pause-image', 'registry.k8s.io/pause:3.9'),
    ],
    Pod: [
      pod('web-1', 'shop', { deployment: ['d1;<deployment>'], service: ['s1;<service>'] }),
      pod('db-1', 'data', { statefulset: ['t1;<statefulset>'], service: ['s2;<service>'] }),
    ],
    Deployment: [named('d1', 'deployment', 'web', 'shop')],
    StatefulSet: [named('t1', 'statefulset', 'db', 'data')],
    Service: [named('s1', 'service', 'web', 'shop'), named('s2', 'service', 'db', 'data')],
    Namespace: [named('n1', 'namespace', 'shop', ''), named('n2', 'namespace', 'data', '')],
    Endpoint: [
      endpointNode(';10.0.0.1;4001', { owner: ['x', 1], to: [';10.0.0.2;5432'] }),
      endpointNode(';10.0.0.2;5432', { owner: ['x', 2] }),
      endpointNode(';10.0.0.1;4002', { owner: ['x', 1], to: [';10.0.0.1;7'] }),
      endpointNode(';10.0.0.1;7', { owner: ['x', 3] }),
    ],
  });
  const topologies = new Map<TopologyKey, Topology>(report.topologies);
  const withTemplates = (key: TopologyKey, rest: Omit<Topology, 'nodes'>): void =>
    void topologies.set(key, { ...topologies.get(key)!, ...rest });
  const processes = new Map(topologies.get('Process')!.nodes);
  processes.set('x;1', {
    ...processes.get('x;1')!,
    metrics: new Map([
      [
        'process_cpu_usage_percent',
        {
          samples: [
            { date: SAMPLE_TIME, value: 12.345 },
            { date: { ...SAMPLE_TIME, unixSeconds: SAMPLE_TIME.unixSeconds + 1 }, value: 23.456 },
          ],
          min: 0,
          max: 400,
        },
      ],
    ]),
  });
  withTemplates('Process', {
    shape: 'square',
    label: 'process',
    labelPlural: 'processes',
    metadataTemplates: new Map([
      ['cmdline', { id: 'cmdline', label: 'Command', from: 'latest', priority: 2, truncate: 12 }],
      ['threads', { id: 'threads', label: '# Threads', from: 'latest', priority: 1, dataType: 'number' }],
    ]),
    metricTemplates: new Map([
      [
        'process_cpu_usage_percent',
        { id: 'process_cpu_usage_percent', label: 'CPU', format: 'percent', group: 'load', priority: 1 },
      ],
    ]),
  });
  topologies.set('Process', { ...topologies.get('Process')!, nodes: processes });
  withTemplates('Container', {
    tableTemplates: new Map([
      ['labels', { id: 'labels', label: 'Docker labels', prefix: 'docker_label_', type: 'property-list' }],
    ]),
  });
  return { ...report, topologies };
}

async function fleetApp(t: Parameters<typeof runApp>[0]): Promise<RunningApp> {
  const app = await runApp(t, { clock: () => SAMPLE_TIME.unixSeconds * 1_000 });
  assert.equal((await app.report(fleet())).status, 200);
  return app;
}

type Nodes = Record<
  string,
  Record<string, unknown> & { adjacency?: string[]; label: string; labelMinor: string }
>;

/** With one parameter at least, so that options have their defaults. */
async function view(app: RunningApp, path: string): Promise<Nodes> {
  const { status, body } = await app.get(`/api/topology/${path}${path.includes('?') ? '&' : '?'}t=1s`);
  assert.equal(status, 200, path);
  return (body as { nodes: Nodes }).nodes;
}

test('a node has metadata, metrics and parents in Scope’s words; samples and tables on its own page only', async (t) => {
  const app = await fleetApp(t);
  const expected = {
    id: 'x;1',
    label: 'web',
    labelMinor: 'x (web:1)',
    rank: 'web',
    shape: 'square',
    metadata: [
      { id: 'threads', label: '# Threads', value: '4', priority: 1, dataType: 'number' },
      { id: 'cmdline', label: 'Command', value: '/web --port 80', priority: 2, truncate: 12 },
    ],
    parents: [
      { id: `${WEB};<container>`, label: 'web', topologyId: 'containers' },
      { id: 'x;<host>', label: 'x', topologyId: 'hosts' },
    ],
    metrics: [
      {
        id: 'process_cpu_usage_percent',
        label: 'CPU',
        format: 'percent',
        group: 'load',
        value: 23.46,
        priority: 1,
        samples: null,
        min: 0,
        max: 400,
        first: '2023-11-14T22:13:20Z',
        last: '2023-11-14T22:13:21Z',
        url: '',
      },
    ],
    adjacency: ['x;2', 'x;3'],
  };
  assert.deepEqual((await view(app, 'processes'))['x;1'], expected);
  const page = (await app.get('/api/topology/processes/x;1')).body as {
    node: { metrics: { samples: { value: number }[] }[] };
  };
  assert.deepEqual(
    page.node.metrics[0]?.samples.map(({ value }) => value),
    [12.345, 23.456],
  );
  const box = (await app.get(`/api/topology/containers/${WEB};<container>`)).body as {
    node: { tables: unknown; children: { id: string; nodes: { id: string }[] }[] };
  };
  assert.deepEqual(box.node.tables, [
    {
      id: 'labels',
      label: 'Docker labels',
      type: 'property-list',
      columns: null,
      rows: [
        { id: 'label_role', entries: { label: 'role', value: 'front' } },
        { id: 'label_tier', entries: { label: 'tier', value: '1' } },
      ],
    },
  ]);
  assert.deepEqual(
    box.node.children.map(({ id, nodes }) => [id, nodes.map((node) => node.id)]),
    [['processes', ['x;1']]],
  );
});

const shown: readonly (readonly [path: string, nodes: readonly string[]])[] = [
  ['processes', ['x;1', 'x;2', 'x;3']],
  ['processes?unconnected=show', ['x;1', 'x;2', 'x;3', 'x;4']],
  ['processes-by-name', ['cron', 'db', 'web']],
  ['processes-by-name?unconnected=show', ['cron', 'db', 'idle', 'web']],
  ['containers', [`${WEB};<container>`]],
  ['containers?stopped=both', [`${WEB};<container>`, `${DB};<container>`]],
  ['containers?stopped=stopped', [`${DB};<container>`]],
  ['containers?system=all', [`${WEB};<container>`, `${PAUSE};<container>`]],
  ['containers?system=system', [`${PAUSE};<container>`]],
  ['containers?pseudo=show', [`${WEB};<container>`, 'pseudo:uncontained:x']],
  ['containers-by-image?stopped=both', ['postgres;<container_image>', 'registry/web;<container_image>']],
  // A name says nothing of images: as in Scope, what the system runs is shown here too.
  ['containers-by-hostname?stopped=both', ['db.local', 'pause.local', 'web.local']],
  ['pods', ['db-1;<pod>', 'web-1;<pod>']],
  ['pods?namespace=shop', ['web-1;<pod>']],
  ['pods?namespace=shop,data', ['db-1;<pod>', 'web-1;<pod>']],
  ['pods?pseudo=show', ['db-1;<pod>', 'pseudo:unmanaged:x', 'web-1;<pod>']],
  ['kube-controllers', ['d1;<deployment>', 't1;<statefulset>']],
  ['services', ['s1;<service>', 's2;<service>']],
  ['services?namespace=data', ['s2;<service>']],
  ['hosts', ['x;<host>']],
  ['weave', []],
  ['ecs-tasks', []],
  ['ecs-services', []],
  ['swarm-services', []],
];
for (const [path, ids] of shown) {
  test(`${path} shows what it should, over HTTP and over a WebSocket`, async (t) => {
    const app = await fleetApp(t);
    assert.deepEqual(Object.keys(await view(app, path)).sort(), ids.toSorted());
    const [name, query = ''] = path.split('?');
    const socket = new WebSocket(
      `${app.url.replace('http', 'ws')}/api/topology/${name!}/ws?${query}&t=100ms`,
    );
    t.after(() => socket.terminate());
    const [data] = (await once(socket, 'message')) as [Buffer];
    const { add } = JSON.parse(data.toString()) as { add: { id: string }[] | null };
    assert.deepEqual((add ?? []).map(({ id }) => id).sort(), ids.toSorted());
  });
}

test('without any parameter nothing is hidden, as in Scope', async (t) => {
  const app = await fleetApp(t);
  const idsOf = async (name: string): Promise<string[]> => {
    const { nodes } = (await app.get(`/api/topology/${name}`)).body as { nodes: Nodes };
    return Object.keys(nodes).sort();
  };
  assert.deepEqual(await idsOf('processes'), ['x;1', 'x;2', 'x;3', 'x;4']);
  assert.deepEqual(
    await idsOf('containers'),
    [`${WEB};<container>`, `${DB};<container>`, `${PAUSE};<container>`, 'pseudo:uncontained:x'].sort(),
  );
});

test('edges are carried to every kind of parent, and groups say what they are made of', async (t) => {
  const app = await fleetApp(t);
  const cases: [path: string, from: string, to: string[], minor: string][] = [
    ['processes-by-name', 'web', ['cron', 'db'], '1 process'],
    ['containers?stopped=both', `${WEB};<container>`, [`${DB};<container>`], 'x'],
    [
      'containers-by-image?stopped=both',
      'registry/web;<container_image>',
      ['postgres;<container_image>'],
      '1 container',
    ],
    ['containers-by-hostname?stopped=both', 'web.local', ['db.local'], '1 container'],
    ['kube-controllers', 'd1;<deployment>', ['t1;<statefulset>'], 'Deployment of 1 pod'],
    ['services', 's1;<service>', ['s2;<service>'], '1 pod'],
    ['hosts', 'x;<host>', ['x;<host>'], ''],
  ];
  for (const [path, from, to, minor] of cases) {
    const node = (await view(app, path))[from];
    assert.deepEqual([node?.adjacency, node?.labelMinor], [to, minor], path);
  }
});

test('/api/topology offers the options with their values and defaults', async (t) => {
  const app = await fleetApp(t);
  interface Entry {
    name: string;
    options: { id: string; defaultValue: string; options: { value: string }[] }[];
    hide_if_empty: boolean;
    sub_topologies?: Entry[];
  }
  const list = (await app.get('/api/topology')).body as Entry[];
  const optionsOf = (name: string): unknown =>
    list
      .find((entry) => entry.name === name)
      ?.options.map(({ id, defaultValue, options }) => [id, defaultValue, options.map(({ value }) => value)]);
  assert.deepEqual(optionsOf('Processes'), [['unconnected', 'hide', ['show', 'hide']]]);
  assert.deepEqual(optionsOf('Containers'), [
    ['system', 'application', ['all', 'system', 'application']],
    ['stopped', 'running', ['stopped', 'running', 'both']],
    ['pseudo', 'hide', ['show', 'hide']],
  ]);
  assert.deepEqual(optionsOf('Pods'), [
    ['snapshot', 'hide', ['show', 'hide']],
    ['storage', 'hide', ['show', 'hide']],
    ['namespace', '', ['data', 'shop']],
    ['pseudo', 'hide', ['show', 'hide']],
  ]);
  assert.deepEqual(optionsOf('Hosts'), []);
});

test('an option value that is unknown, or an option of another view, changes nothing', async (t) => {
  const app = await fleetApp(t);
  const plain = await view(app, 'hosts');
  assert.deepEqual(await view(app, 'hosts?unconnected=show&namespace=none&x=y'), plain);
});

test('questions about the past are refused on every path that could answer them', async (t) => {
  const app = await fleetApp(t);
  for (const path of [
    'topology',
    'topology/hosts',
    'topology/hosts/x;<host>',
    'topology/hosts/ws',
    'report',
    'probes',
  ]) {
    const { status, body } = await app.get(`/api/${path}?timestamp=2020-01-01T00:00:00Z`);
    assert.deepEqual([status, (body as { code: string }).code], [400, 'NO_HISTORY'], path);
  }
});
