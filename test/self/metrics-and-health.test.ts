/** What a probe tells of itself over HTTP: true numbers, and whether it lives and works. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import {
  startSelfServer,
  Ticks,
  type AppSeen,
  type Counting,
  type Observed,
  type SelfServer,
} from '../../src/probe/self/index.js';

interface Watched {
  readonly parts?: readonly Counting[];
  readonly apps?: () => readonly AppSeen[];
  readonly ticks?: Ticks;
  readonly sourceKind?: () => string;
  readonly coverage?: NonNullable<Observed['coverage']>;
}

async function serve(t: TestContext, watched: Watched = {}): Promise<SelfServer> {
  const server = await startSelfServer({
    listen: { host: '127.0.0.1', port: 0 },
    publishIntervalMs: 1000,
    ticks: watched.ticks ?? new Ticks(),
    observed: {
      sourceKind: watched.sourceKind ?? (() => 'ebpf'),
      ...(watched.coverage && { coverage: watched.coverage }),
      parts: watched.parts ?? [],
      apps: watched.apps ?? (() => []),
    },
  });
  t.after(() => server.close());
  return server;
}

const get = (server: SelfServer, path: string): Promise<Response> => fetch(new URL(path, server.url));

/** Series of the text format with their values, defaults of the process left out. */
async function series(server: SelfServer): Promise<Map<string, number>> {
  const text = await (await get(server, '/metrics')).text();
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(topoprobe_probe_\w+(?:\{.*\})?) (\S+)$/.exec(line);
    if (match) found.set(match[1]!.replace('topoprobe_probe_', ''), Number(match[2]));
  }
  return found;
}

const outcome = { durationMs: 20, records: 7, lost: 2, nodes: new Map([['Endpoint', 5]]) };

test('ticks, their durations, sizes and losses are counted', async (t) => {
  const ticks = new Ticks();
  ticks.started();
  ticks.finished(outcome);
  ticks.started();
  ticks.finished({ ...outcome, durationMs: 4000 });
  ticks.started();
  ticks.failed(1);
  const found = await series(await serve(t, { ticks }));
  assert.equal(found.get('ticks_made_total'), 2);
  assert.equal(found.get('ticks_failed_total'), 1);
  assert.equal(found.get('ticks_records_total'), 14);
  assert.equal(found.get('ticks_lost_records_total'), 4);
  assert.equal(found.get('report_nodes{topology="Endpoint"}'), 5);
  assert.equal(found.get('tick_duration_seconds_bucket{le="0.025"}'), 2);
  assert.equal(found.get('tick_duration_seconds_bucket{le="3"}'), 2);
  assert.equal(found.get('tick_duration_seconds_bucket{le="10"}'), 3);
  assert.equal(found.get('tick_duration_seconds_count'), 3);
});

test('the rung and the programs that a kernel refused are series', async (t) => {
  const blind = [{ program: 'scan_files', section: 'iter/task_file' }];
  let coverage = { rung: 'files', blind: [] as typeof blind };
  const server = await serve(t, { coverage: () => coverage });
  const before = await series(server);
  assert.equal(before.get('ebpf_rung{rung="files"}'), 1);
  assert.deepEqual(
    [...before.keys()].filter((name) => name.startsWith('ebpf_program')),
    [],
  );
  coverage = { rung: 'sockets', blind };
  const after = await series(server);
  assert.equal(after.get('ebpf_rung{rung="sockets"}'), 1);
  assert.equal(after.get('ebpf_rung{rung="files"}'), undefined);
  assert.equal(after.get('ebpf_program_refused{program="scan_files",section="iter/task_file"}'), 1);
});

test('counters of the parts are as of the scrape, each of its own type', async (t) => {
  let questions = 3;
  const dns = { name: 'dns', counters: () => ({ questions: questions++, queued: 4 }), gauges: ['queued'] };
  const server = await serve(t, { parts: [dns] });
  const first = await series(server);
  assert.equal(first.get('dns_questions_total'), 3);
  assert.equal(first.get('dns_queued'), 4);
  assert.equal((await series(server)).get('dns_questions_total'), 4);
  const text = await (await get(server, '/metrics')).text();
  assert.match(text, /# TYPE topoprobe_probe_dns_questions_total counter/);
  assert.match(text, /# TYPE topoprobe_probe_dns_queued gauge/);
});

test('the source in use and the apps are labels, and those that are gone disappear', async (t) => {
  let kind = 'ebpf';
  let apps: AppSeen[] = [
    { description: 'http://a:4040 (10.0.0.1)', state: 'delivering', counters: { delivered: 9 } },
  ];
  const server = await serve(t, { sourceKind: () => kind, apps: () => apps });
  const before = await series(server);
  assert.equal(before.get('source_in_use{kind="ebpf"}'), 1);
  assert.equal(before.get('app_delivered_total{app="http://a:4040 (10.0.0.1)"}'), 9);
  assert.equal(before.get('app_state{app="http://a:4040 (10.0.0.1)",state="delivering"}'), 1);
  kind = 'procfs';
  apps = [];
  const after = await series(server);
  assert.equal(after.get('source_in_use{kind="ebpf"}'), undefined);
  assert.equal(after.get('source_in_use{kind="procfs"}'), 1);
  assert.deepEqual(
    [...after.keys()].filter((name) => name.startsWith('app_')),
    [],
  );
});

test('a probe is ready when its last tick made a report, and alive while ticks end', async (t) => {
  let now = 0;
  const ticks = new Ticks(() => now);
  const server = await serve(t, { ticks });
  const status = async (path: string): Promise<number> => (await get(server, path)).status;
  assert.equal(await status('/readyz'), 503);
  assert.equal(await status('/healthz'), 200);
  ticks.started();
  ticks.finished(outcome);
  assert.equal(await status('/readyz'), 200);
  ticks.started();
  ticks.failed(1);
  assert.equal(await status('/readyz'), 503);
  ticks.started();
  now = 3_600_000;
  assert.equal(await status('/healthz'), 503);
  ticks.finished(outcome);
  assert.equal(await status('/healthz'), 200);
});

test('an app that is away makes a probe neither dead nor unready, and is named', async (t) => {
  const ticks = new Ticks();
  ticks.finished(outcome);
  const apps = (): AppSeen[] => [{ description: 'http://a:1', state: 'unreachable', counters: {} }];
  const response = await get(await serve(t, { ticks, apps }), '/readyz');
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    status: 'ready',
    source: 'ebpf',
    apps: [{ app: 'http://a:1', state: 'unreachable' }],
  });
});

test('other paths and methods are refused', async (t) => {
  const server = await serve(t);
  assert.equal((await get(server, '/')).status, 404);
  assert.equal((await fetch(new URL('/metrics', server.url), { method: 'POST', body: 'x' })).status, 405);
});

test('a port in use is a typed error that says what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const started = startSelfServer({
    listen: { host: '127.0.0.1', port: address.port },
    publishIntervalMs: 1000,
    ticks: new Ticks(),
    observed: { sourceKind: () => 'ebpf', parts: [], apps: () => [] },
  });
  await assert.rejects(started, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'METRICS_LISTEN_IN_USE');
    return error.message.includes('--metrics-listen');
  });
});

test('closing twice, and with a scraper connected, ends', async (t) => {
  const server = await serve(t);
  await (await get(server, '/metrics')).text();
  await server.close();
  await server.close();
});
