/** What a real probe goes without is told by its host and by /api/v1/probes, with what to do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { loneHost } from '../support/lone-host.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { runApp } from './running-app.js';

const SKIP = process.getuid?.() === 0 ? false : 'needs root for network namespaces';
const DEADLINE_MS = 30_000;

interface Row {
  readonly reports: number;
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
