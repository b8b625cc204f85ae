/** What a real probe goes without is told by its host and by /api/v1/probes, with what to do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { loneHost } from '../support/lone-host.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { runApp } from './running-app.js';
import { facts, makeNode, makeReport } from './sample-reports.js';

const SKIP = process.getuid?.() === 0 ? false : 'needs root for network namespaces';
const DEADLINE_MS = 30_000;

interface Row {
  readonly reports: number;
  readonly notSeen?: readonly string[];
  readonly degraded?: readonly { readonly part: string; readonly text: string }[];
}

test('a name server that can not be asked is told of by the app', { skip: SKIP }, async (t) => {
  await loneHost(t);
  const app = await runApp(t);
  const child = spawn(
    process.execPath,
    [
      ...[
        TOPOPROBE,
        'probe',
        app.url,
        '--source',
        'proc',
        '--metrics-listen',
        'off',
        '--log-level',
        'silent',
      ],
      ...['--publish-interval', '200ms', '--dns-server', '255.255.255.255'],
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const deadline = Date.now() + DEADLINE_MS;
  const row = async (): Promise<Row | undefined> =>
    ((await app.get('/api/v1/probes')).body as { probes: Row[] }).probes[0];
  let told: Row['degraded'];
  while (told === undefined && Date.now() < deadline) {
    await sleep(50);
    told = (await row())?.degraded;
  }
  assert.equal(told?.length, 1);
  assert.equal(told[0]?.part, 'dns');
  assert.match(told[0].text, /255\.255\.255\.255 can't be asked \(.*\), so names .* --dns-server/);
  const { body } = await app.get('/api/report');
  const { Host } = body as { Host: { nodes: Record<string, { latest: Record<string, { value: string }> }> } };
  assert.equal(Object.values(Host.nodes)[0]?.latest['degraded_dns']?.value, told[0].text);
});

test('what hosts say that they do not see is told of each probe, in bounds', async (t) => {
  const app = await runApp(t);
  const said: Record<string, string> = {
    host_name: 'modest',
    ebpf_refused: 'on_read',
    not_seen: '3 network namespaces wait',
    not_seen_addresses: 'addresses of 2 network namespaces',
    degraded_dns: 'no name server',
    not_said: 'something else',
  };
  const send = async (id: string, latest: Record<string, string>): Promise<void> => {
    const host = makeNode(`${latest['host_name']};<host>`, 'host', { latest: facts(latest) });
    assert.equal((await app.report(makeReport({ Host: [host] }), id)).status, 200);
  };
  await send('modest', said);
  const many = Array.from(
    { length: 1000 },
    (_, i) => [`not_seen_${i}`, `${i} ${'x'.repeat(10_000)}`] as const,
  );
  await send('talker', { host_name: 'talker', ...Object.fromEntries(many) });
  const { probes } = (await app.get('/api/v1/probes')).body as { probes: (Row & { id: string })[] };
  const modest = probes.find(({ id }) => id === 'modest');
  assert.deepEqual(modest?.notSeen, [
    '3 network namespaces wait',
    'addresses of 2 network namespaces',
    'on_read',
  ]);
  assert.deepEqual(modest.degraded, [{ part: 'dns', text: 'no name server' }]);
  const talked = probes.find(({ id }) => id === 'talker')?.notSeen ?? [];
  assert.ok(talked.length > 0 && talked.length <= 16, String(talked.length));
  assert.ok(talked.every((text) => text.length <= 500));
});
