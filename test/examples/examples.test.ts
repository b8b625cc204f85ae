/** Each example runs as its README says, shows what it is to show, and ends without leaving anything. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { rootSkip } from '../conntrack/nat-network.js';
import { freePort } from '../support/free-port.js';
import { needsPrograms } from '../support/programs/debian.js';
import { needsNginx, startNginx } from '../support/programs/reverse-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { EXAMPLES, runExample } from './running-example.js';

const freeAddress = async (): Promise<string> => `127.0.0.1:${await freePort()}`;

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return response.json();
}

async function isListening(address: string): Promise<boolean> {
  return fetch(`http://${address}/`).then(
    () => true,
    () => false,
  );
}

test('every example has a README and is in the list', () => {
  const list = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  for (const { name } of readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    assert.ok(existsSync(join(EXAMPLES, name, 'README.md')), name);
    assert.ok(existsSync(join(EXAMPLES, name, 'run.sh')), name);
    assert.ok(list.includes(`](${name})`), name);
  }
});

test('one-machine shows processes of this machine', async (t) => {
  const listen = await freeAddress();
  const example = await runExample(t, 'one-machine', 'Dashboard: ', {
    env: { LISTEN: listen, TOPOPROBE_METRICS_LISTEN: 'off' },
  });
  await waitFor(
    'processes',
    () => json(`http://${listen}/api/topology/processes?unconnected=show`),
    (view) => Object.keys((view as { nodes: object }).nodes).length > 0,
  );
  await example.interrupt();
  assert.equal(await isListening(listen), false);
});

/** Edges between hosts that the example prints. */
function printedEdges(output: string): readonly { from: string; to: string; connections: number }[] {
  const text = output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1);
  return (JSON.parse(text) as { edges: { from: string; to: string; connections: number }[] }).edges;
}

for (const [name, from, to] of [
  ['three-hosts', 'front', 'back'],
  ['nat', 'client', 'server'],
] as const)
  test(`${name} shows the edge from ${from} to ${to}`, { skip: rootSkip }, async (t) => {
    const example = await runExample(t, name, 'Dashboard: ');
    const edges = printedEdges(example.output());
    const between = edges.filter((edge) => edge.from === `${from};<host>` && edge.to === `${to};<host>`);
    assert.equal(between.length, 1);
    assert.ok(between.every(({ connections }) => connections > 0));
    // Nothing but the reports connects to another host.
    for (const edge of edges)
      assert.ok(!`${edge.from}${edge.to}`.includes('theinternet'), JSON.stringify(edge));
    await example.interrupt();
  });

test('to-a-scope-app ships to an app of our own when none is named', async (t) => {
  const listen = await freeAddress();
  const example = await runExample(t, 'to-a-scope-app', 'Dashboard: ', { env: { LISTEN: listen } });
  assert.match(example.output(), /"label": ".+"/);
  await example.interrupt();
  assert.equal(await isListening(listen), false);
});

test(
  'to-a-scope-app ships reports to an app that says nothing of flows, as Scope’s',
  { skip: needsNginx },
  async (t) => {
    const listen = await freeAddress();
    const app = await runExample(t, 'one-machine', 'Dashboard: ', {
      env: { LISTEN: listen, TOPOPROBE_METRICS_LISTEN: 'off', TOPOPROBE_HOSTNAME: 'receiver' },
    });
    // What Scope's app does not have is taken away from ours.
    const port = await startNginx(
      t,
      (own) => `server {
      listen 127.0.0.1:${own};
      client_max_body_size 16m;
      location / { proxy_pass http://${listen}; }
      location /api/flows { return 404; }
      location = /api {
        proxy_pass http://${listen};
        proxy_set_header Accept-Encoding "";
        sub_filter_types application/json;
        sub_filter '"flows":1' '"none":0';
      }
    }`,
    );
    const url = `http://127.0.0.1:${port}`;
    assert.doesNotMatch(JSON.stringify(await json(`${url}/api`)), /"flows":/);
    const example = await runExample(t, 'to-a-scope-app', 'Dashboard: ', {
      args: [url],
      env: { TOPOPROBE_HOSTNAME: 'sender' },
    });
    await waitFor(
      'the host of the probe',
      () => json(`${url}/api/topology/hosts`),
      (view) => 'sender;<host>' in (view as { nodes: object }).nodes,
    );
    await example.interrupt();
    await app.interrupt();
  },
);

async function firstMessage(t: TestContext, url: string): Promise<unknown> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}api/topology/hosts/ws`, {
    headers: { origin: new URL(url).origin },
  });
  t.after(() => socket.terminate());
  const [data] = (await once(socket, 'message')) as [Buffer];
  socket.terminate();
  return JSON.parse(data.toString());
}

test(
  'behind-nginx serves page and WebSocket at the root and below a path',
  { skip: needsNginx },
  async (t) => {
    const [listen, proxy] = [await freeAddress(), await freeAddress()];
    const example = await runExample(t, 'behind-nginx', 'Behind nginx: ', {
      env: { LISTEN: listen, PROXY: proxy, TOPOPROBE_METRICS_LISTEN: 'off' },
    });
    for (const url of [`http://${proxy}/`, `http://${proxy}/topology/`]) {
      const page = await fetch(url);
      assert.equal(page.status, 200);
      assert.match(await page.text(), /<title>Topoprobe/);
      assert.equal(((await firstMessage(t, url)) as { reset?: boolean }).reset, true);
    }
    await example.interrupt();
    for (const address of [listen, proxy]) assert.equal(await isListening(address), false);
  },
);

interface Dashboard {
  readonly panels: readonly {
    readonly type: string;
    readonly datasource: { readonly type: string; readonly uid: string };
    readonly targets: readonly { readonly expr?: string; readonly queryText?: string }[];
  }[];
}

test(
  'prometheus-grafana: Prometheus answers every query of the dashboard, the app gives the graph',
  { skip: rootSkip || needsPrograms('prometheus') },
  async (t) => {
    const [listen, metrics, prometheus] = [await freeAddress(), await freeAddress(), await freeAddress()];
    const example = await runExample(t, 'prometheus-grafana', 'Prometheus: ', {
      env: { LISTEN: listen, METRICS: metrics, PROMETHEUS: prometheus },
    });
    const read = (file: string): string => readFileSync(join(EXAMPLES, 'prometheus-grafana', file), 'utf8');
    const { panels } = JSON.parse(read('dashboards/topoprobe.json')) as Dashboard;
    const sources = read('provisioning/datasources/topoprobe.yml');
    let queries = 0;
    for (const { datasource, targets } of panels) {
      assert.ok(
        sources.includes(`uid: ${datasource.uid}\n`) && sources.includes(`type: ${datasource.type}\n`),
      );
      for (const { expr, queryText } of targets) {
        if (queryText !== undefined) {
          const { edges_fields: fields } = (await json(`http://${listen}/api/graph/fields`)) as {
            edges_fields: readonly { field_name: string }[];
          };
          assert.ok(fields.some(({ field_name: name }) => name === 'source'));
          const graph = (await json(`http://${listen}/api/graph/data?${queryText}`)) as { nodes: object[] };
          assert.ok(graph.nodes.length > 0);
          continue;
        }
        assert.ok(expr !== undefined);
        queries++;
        await waitFor(
          expr,
          () => json(`http://${prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`),
          (answer) => (answer as { data: { result: unknown[] } }).data.result.length > 0,
        );
      }
    }
    assert.ok(queries >= 8);
    await example.interrupt();
    for (const address of [listen, metrics, prometheus]) assert.equal(await isListening(address), false);
  },
);
