/** With fewer descriptors than network namespaces each part of the probe has its share, and what is left out is said. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { roomFor } from '../../src/probe/descriptors.js';
import type { Report } from '../../src/report/model/model.js';
import { connectOver, rootSkip, ROUTES } from '../conntrack/nat-network.js';
import { startApp, type RecordingApp } from '../publish/recording-app.js';
import { until } from '../publish/shipping.js';
import { createNamespace } from '../support/namespace.js';
import { TOPOPROBE } from '../support/topoprobe.js';

const NAMESPACES = 90;

interface Running {
  readonly app: RecordingApp;
  readonly lines: string[];
  /** Where its metrics are. */
  readonly metrics: () => Promise<string>;
}

/** A probe whose soft and hard limits of open files are those given. */
async function startProbe(
  t: TestContext,
  source: 'ebpf' | 'proc',
  soft: number,
  hard: number,
): Promise<Running> {
  const app = await startApp(t);
  const options = ['--publish-interval', '200ms', '--metrics-listen', '127.0.0.1:0', '--log-format', 'json'];
  const command = [process.execPath, TOPOPROBE, 'probe', app.url.href, '--source', source, ...options];
  const limits = `ulimit -Sn ${soft}; ulimit -Hn ${hard}; exec "$@"`;
  const probe = spawn('bash', ['-c', limits, 'bash', ...command], { stdio: ['ignore', 'inherit', 'pipe'] });
  const exited = once(probe, 'close');
  t.after(async () => {
    probe.kill('SIGKILL');
    await exited;
  });
  const lines: string[] = [];
  let rest = '';
  probe.stderr.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop()!;
    lines.push(...parts.map((line) => (JSON.parse(line) as { msg: string }).msg));
  });
  await until('the first report', () => app.reports.length > 0 || probe.exitCode !== null);
  assert.equal(probe.exitCode, null, lines.join('\n'));
  const url = /http:\S+/.exec(lines.find((line) => line.startsWith('metrics and health')) ?? '')?.[0] ?? '';
  return { app, lines, metrics: async () => (await fetch(`${url}/metrics`)).text() };
}

function hostFact({ topologies }: Report, key: string): string | undefined {
  const [host] = topologies.get('Host')?.nodes.values() ?? [];
  return host?.latest?.get(key)?.value;
}

const processes = ({ topologies }: Report): number => topologies.get('Process')?.nodes.size ?? 0;

for (const source of ['ebpf', 'proc'] as const) {
  for (const limit of [70, 80, 120]) {
    test(`${source}: ${limit} descriptors and ${NAMESPACES} namespaces`, { skip: rootSkip }, async (t) => {
      const held = await connectOver(t, ROUTES[0]!);
      for (let i = 0; i < NAMESPACES; i++) createNamespace(t);
      const { app, lines, metrics } = await startProbe(t, source, limit, limit);
      const client = `;${held.clientAddress};${held.clientPort}`;
      const leadsTo = (report: Report): readonly string[] | undefined =>
        report.topologies.get('Endpoint')?.nodes.get(client)?.adjacency;
      // Whichever namespace the router is among those that wait, its turn comes.
      await until('NAT is looked through', () =>
        app.reports.some((report) => leadsTo(report)?.[0] === `;${held.serverAddress};8080`),
      );
      const last = app.reports.at(-1)!;
      assert.deepEqual(leadsTo(last), [`;${held.serverAddress};8080`]);
      for (const report of app.reports) assert.ok(processes(report) > 0, lines.join('\n'));
      const short = hostFact(last, 'not_seen') ?? '';
      assert.match(short, new RegExp(`at a time, .* this process may have ${limit} files open: raise it`));
      assert.match(await metrics(), /topoprobe_/);
      assert.deepEqual(
        lines.filter((line) => /proc-root|without these facts|goes without/.test(line)),
        [],
      );
    });
  }
}

test('the soft limit is raised to the hard one, which is enough', { skip: rootSkip }, async (t) => {
  for (let i = 0; i < NAMESPACES; i++) createNamespace(t);
  const { app, metrics } = await startProbe(t, 'ebpf', 80, 4096);
  assert.equal(hostFact(app.reports.at(-1)!, 'not_seen'), undefined);
  const text = await metrics();
  assert.ok(Number(/^\w*source_network_namespaces (\d+)/m.exec(text)?.[1]) >= NAMESPACES, text);
});

test('what may be held is what is left, less a reserve, and never less than nothing', () => {
  assert.equal(roomFor(0, { limit: 80, open: 45 }), 15);
  assert.equal(roomFor(15, { limit: 80, open: 60 }), 15);
  assert.equal(roomFor(0, { limit: 40, open: 39 }), 0);
  assert.equal(roomFor(0, { limit: 70, open: 56 }), 2);
  assert.equal(roomFor(2, { limit: 70, open: 63 }), 1);
  assert.equal(roomFor(3, { limit: Infinity, open: 50 }), Infinity);
  assert.equal(roomFor(0, { limit: 1024, open: 60 }), 900);
});
