/** A probe that reports more seldom than the window is long stays in the picture; its last word stands until it is overdue. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import type { Report, Topology } from '../../src/report/model/model.js';
import { startNodeProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { runApp, type RunningApp } from './running-app.js';
import { endpointNode, hostNode, makeReport, processNode } from './sample-reports.js';

const START = 1_700_000_000_000;
const WINDOW_MS = 15_000;
const SERVER = ';10.0.0.2;80';
const SERVER_PID = 999;

interface Told {
  /** Client ports with a connection each. */
  readonly ports: readonly number[];
  readonly windowMs?: number;
  readonly isFramed?: boolean;
}

function reportOf(atMs: number, { ports, windowMs, isFramed = true }: Told): Report {
  const clients = ports.map((port) =>
    endpointNode(`;10.0.0.1;${port}`, { owner: ['alpha', port], to: [SERVER] }),
  );
  const report = makeReport(
    {
      Endpoint: [...clients, endpointNode(SERVER, { owner: ['alpha', SERVER_PID] })],
      Process: [
        processNode('alpha', SERVER_PID, 'server'),
        ...ports.map((port) => processNode('alpha', port, `client-${port}`)),
      ],
      Host: [hostNode('alpha')],
    },
    { timestamp: fromMillis(atMs), ...(windowMs !== undefined && { windowNanos: windowMs * 1e6 }) },
  );
  const processes = report.topologies.get('Process')!;
  const framed: Topology = {
    ...processes,
    metadataTemplates: new Map([['pid', { id: 'pid', label: 'PID', from: 'latest', priority: 1 }]]),
  };
  return isFramed ? { ...report, topologies: new Map([...report.topologies, ['Process', framed]]) } : report;
}

interface Fleet {
  readonly app: RunningApp;
  nowMs: number;
  send(told: Told, headers?: Record<string, string>): Promise<void>;
  /** Ports whose connection is an edge. */
  shown(): Promise<number[]>;
  probe(): Promise<Record<string, unknown> | undefined>;
}

async function fleet(t: TestContext): Promise<Fleet> {
  const app = await runApp(t, { windowMs: WINDOW_MS, clock: () => self.nowMs });
  const self: Fleet = {
    app,
    nowMs: START,
    async send(told, headers = {}) {
      const response = await app.post(Buffer.from(encodeReport(reportOf(self.nowMs, told))), {
        'content-type': 'application/msgpack',
        'x-scope-probe-id': 'p',
        ...headers,
      });
      assert.equal(response.status, 200);
    },
    async shown() {
      const { body } = await app.get('/api/v1/edges?view=processes&unconnected=show');
      return (body as { edges: { from: string }[] }).edges
        .map(({ from }) => Number(from.split(';')[1]))
        .sort((a, b) => a - b);
    },
    async probe() {
      const { body } = await app.get('/api/v1/probes');
      return (body as { probes: Record<string, unknown>[] }).probes[0];
    },
  };
  return self;
}

const INTERVAL_MS = 20_000;
const KINDS: Record<string, { headers: Record<string, string>; windowMs?: number }> = {
  'a probe that announces its interval': { headers: { 'x-topoprobe-interval': String(INTERVAL_MS) } },
  'a Scope probe, whose reports say what they cover': { headers: {}, windowMs: INTERVAL_MS },
};

for (const [who, { headers, windowMs }] of Object.entries(KINDS)) {
  const cover = windowMs === undefined ? {} : { windowMs };

  test(`${who} of 20 s is in a picture of 15 s all the time, until it is overdue`, async (t) => {
    const all = await fleet(t);
    for (let report = 0; report < 4; report++) {
      await all.send({ ports: [1], ...cover }, headers);
      for (let second = 0; second < 20; second++) {
        all.nowMs += 1000;
        assert.deepEqual(await all.shown(), [1], `${report * 20 + second + 1} s`);
        assert.equal((await all.probe())?.['staleSince'], undefined);
        assert.equal((await all.probe())?.['intervalMs'], INTERVAL_MS);
      }
    }
    // The last report was 20 s ago. One may be missing; the second is overdue.
    all.nowMs += 20_000;
    assert.deepEqual(await all.shown(), [1]);
    assert.equal((await all.probe())?.['complete'], true);
    all.nowMs += 1000;
    assert.notEqual((await all.probe())?.['staleSince'], undefined);
    all.nowMs += WINDOW_MS;
    assert.deepEqual(await all.shown(), []);
    assert.equal(await all.probe(), undefined);
    const metrics = (await all.app.get('/metrics')).body as string;
    assert.match(metrics, /^topoprobe_window_parts 0$/m);
  });

  test(`what ${who} does not say any more is gone with its next report`, async (t) => {
    const all = await fleet(t);
    await all.send({ ports: [1, 2], ...cover }, headers);
    all.nowMs += INTERVAL_MS;
    await all.send({ ports: [2], ...cover }, headers);
    assert.deepEqual(await all.shown(), [2]);
  });
}

test('what a Scope probe told in its last whole report stands until the next one, the others have no templates', async (t) => {
  const all = await fleet(t);
  const send = (kind: 'whole' | 'changes', ports: readonly number[]): Promise<void> =>
    all.send({ ports, isFramed: kind === 'whole', windowMs: 10_000 });
  await send('whole', [1, 2]);
  for (const added of [3, 4, 5]) {
    all.nowMs += 10_000;
    await send('changes', [added]);
    const shown = await all.shown();
    assert.deepEqual([shown.includes(1), shown.includes(2), shown.includes(added)], [true, true, true]);
  }
  all.nowMs += 10_000;
  await send('whole', [2, 5]);
  all.nowMs += 10_000;
  await send('whole', [2, 5]);
  assert.deepEqual(await all.shown(), [2, 5]);
});

test('what headers claim is bounded, and nonsense is no claim', async (t) => {
  const all = await fleet(t);
  await all.send({ ports: [1] }, { 'x-topoprobe-interval': '999999999999' });
  assert.equal((await all.probe())?.['intervalMs'], 3_600_000);
  await all.send({ ports: [1] }, { 'x-topoprobe-interval': '-5' });
  all.nowMs += WINDOW_MS + 1;
  assert.deepEqual(await all.shown(), []);
});

test('a real probe with an interval beyond the window never disappears', async (t) => {
  const app = await runApp(t, { windowMs: 1000 });
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const child = spawn(
    process.execPath,
    [
      ...[TOPOPROBE, 'probe', app.url, '--source', 'proc', '--metrics-listen', 'off'],
      ...['--publish-interval', '2500ms', '--log-level', 'silent'],
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const isShown = async (): Promise<boolean> => {
    const { body } = await app.get('/api/v1/edges?view=processes&unconnected=show&limit=100000');
    const { edges } = body as { edges: { ports?: Record<string, number> }[] };
    return edges.some(({ ports }) => ports?.[server.firstLine] !== undefined);
  };
  const reports = async (): Promise<number> => {
    const { body } = await app.get('/api/v1/probes');
    return (body as { probes: { reports: number }[] }).probes[0]?.reports ?? 0;
  };
  while (!(await isShown())) await sleep(20);
  const enough = (await reports()) + 3;
  let looks = 0;
  for (; (await reports()) < enough; looks++) {
    assert.ok(await isShown(), `look ${looks}`);
    await sleep(50);
  }
  assert.ok(looks > 0);
});
