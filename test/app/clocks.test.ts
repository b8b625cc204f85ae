/** Clocks that are off, and two probes under one id: measured, put right, and told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { moveTimes } from '../../src/app/window/clock-skew.js';
import { decodeReport, fromMillis } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, facts, hostNode, makeNode, makeReport, processNode } from './sample-reports.js';

const NOW = 1_750_000_000_000;

/** A report about one shared node, by a clock that is off by `skewMs`. */
function telling(value: string, nowMs: number, skewMs: number): Report {
  const at = fromMillis(nowMs + skewMs);
  return makeReport(
    {
      Process: [makeNode('x;1', 'process', { latest: facts({ pid: '1', name: value }, at) })],
      Host: [hostNode('x')],
    },
    { timestamp: at },
  );
}

async function probes(app: RunningApp): Promise<Record<string, unknown>[]> {
  return ((await app.get('/api/v1/probes')).body as { probes: Record<string, unknown>[] }).probes;
}

async function nameTold(app: RunningApp): Promise<string | undefined> {
  const { nodes } = (await app.get('/api/topology/processes?unconnected=show')).body as {
    nodes: Record<string, { label: string }>;
  };
  return nodes['x;1']?.label;
}

for (const [what, skewMs] of [
  ['ahead', 3_600_000],
  ['behind', -3_600_000],
] as const) {
  test(`a probe whose clock is an hour ${what} neither has the last word for ever nor is never heard`, async (t) => {
    let now = NOW;
    const app = await runApp(t, { clock: () => now });
    const orders = [
      ['skewed', 'right'],
      ['right', 'skewed'],
    ] as const;
    for (const order of orders) {
      for (const who of order) {
        now += 1_000;
        await app.report(telling(`${who}-${now}`, now, who === 'skewed' ? skewMs : 0), who);
      }
      assert.equal(await nameTold(app), `${order[1]}-${now}`, 'who spoke last is heard');
    }
    const skewed = (await probes(app)).find(({ id }) => id === 'skewed');
    assert.equal(skewed?.['skewMs'], -skewMs);
    assert.equal(skewed['correctedMs'], -skewMs);
    const right = (await probes(app)).find(({ id }) => id === 'right');
    assert.equal(right?.['correctedMs'], undefined);
  });
}

test('the merged report has the times of the app’s clock', async (t) => {
  const app = await runApp(t, { clock: () => NOW });
  await app.report(telling('a', NOW, 86_400_000), 'p');
  const answer = await fetch(`${app.url}/api/report`, { headers: { accept: 'application/msgpack' } });
  const report = decodeReport(Buffer.from(await answer.arrayBuffer()));
  assert.deepEqual(
    report.topologies.get('Process')?.nodes.get('x;1')?.latest?.get('name')?.timestamp.unixSeconds,
    NOW / 1_000,
  );
});

test('moving times by any amount and back changes nothing', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (byMs, nanos) => {
        const at = { unixSeconds: 1_700_000_000, nanos, zoneMinutes: -1 };
        const sample = { date: at, value: 1 };
        const report = makeReport(
          {
            Process: [
              makeNode('x;1', 'process', {
                latest: facts({ pid: '1' }, at),
                metrics: new Map([['cpu', { samples: [sample], min: 1, max: 1 }]]),
                children: [makeNode('x;2', 'process', { latest: facts({ pid: '2' }, at) })],
              }),
            ],
          },
          { timestamp: at },
        );
        assert.deepEqual(moveTimes(moveTimes(report, byMs), -byMs), report);
      },
    ),
  );
});

test('two probes under one id: both are taken in, both machines are shown, and the id is told as shared', async (t) => {
  let now = NOW;
  const app = await runApp(t, { clock: () => now });
  for (let round = 0; round < 3; round++) {
    now += 3_000;
    for (const host of ['alpha', 'beta']) {
      const report = makeReport({ Host: [hostNode(host)], Process: [processNode(host, 1, host)] });
      assert.equal((await app.report(report, 'same')).status, 200);
    }
    const { nodes } = (await app.get('/api/topology/hosts')).body as { nodes: object };
    assert.deepEqual(Object.keys(nodes).sort(), ['alpha;<host>', 'beta;<host>']);
  }
  const [probe, ...others] = await probes(app);
  assert.deepEqual([probe?.['hostname'], probe?.['othersWithId'], others], ['beta', ['alpha'], []]);
  // One of them ends: its machine leaves, and the id is no longer shared.
  for (let round = 0; round < 6; round++) {
    now += 3_000;
    await app.report(makeReport({ Host: [hostNode('beta')] }), 'same');
  }
  const { nodes } = (await app.get('/api/topology/hosts')).body as { nodes: object };
  assert.deepEqual(Object.keys(nodes), ['beta;<host>']);
  assert.equal((await probes(app))[0]?.['othersWithId'], undefined);
});

test('a report sent twice changes nothing', async (t) => {
  const app = await runApp(t, { clock: () => NOW });
  await app.report(clientSide({ conn_count: '5' }), 'a');
  const once = [
    (await app.get('/api/v1/edges?view=hosts')).body,
    (await app.get('/api/topology/hosts')).body,
  ];
  await app.report(clientSide({ conn_count: '5' }), 'a');
  assert.deepEqual(
    [(await app.get('/api/v1/edges?view=hosts')).body, (await app.get('/api/topology/hosts')).body],
    once,
  );
});
