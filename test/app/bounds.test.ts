/** Rates and memory: what is over a bound is refused with when to come again, and what is held stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../../src/app/index.js';
import { Rates } from '../../src/app/ingest/rates.js';
import { runApp } from './running-app.js';
import { clientSide, facts, hostNode, makeNode, makeReport, serverSide } from './sample-reports.js';

function taken(rates: Rates, probe: string, nowMs: number): string {
  try {
    rates.take(probe, nowMs);
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.ok((error.retryAfterSeconds ?? 0) >= 1);
    return error.code;
  }
}

test('no probe gets more than its rate, whatever it tries, and one that waits gets all of it', () => {
  const limits = { reportsPerSecond: 1e6, reportsPerSecondPerProbe: 2, probes: 10 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 }), (gaps) => {
      const rates = new Rates(limits, 0);
      let now = 0;
      let count = 0;
      for (const gap of gaps) {
        now += gap;
        if (taken(rates, 'p', now) === 'taken') count++;
        assert.ok(count <= 4 + (now / 1_000) * 2);
      }
    }),
  );
  const rates = new Rates(limits, 0);
  for (let now = 0; now < 60_000; now += 500) assert.equal(taken(rates, 'p', now), 'taken');
});

test('a probe that runs wild does not use up what the others have', () => {
  const rates = new Rates({ reportsPerSecond: 100, reportsPerSecondPerProbe: 5, probes: 10 }, 0);
  for (let index = 0; index < 10; index++) assert.equal(taken(rates, 'wild', 0), 'taken');
  for (let index = 0; index < 10_000; index++) assert.equal(taken(rates, 'wild', 0), 'TOO_OFTEN');
  assert.equal(taken(rates, 'other', 0), 'taken');
  for (let index = 0; index < 189; index++) assert.equal(taken(rates, `probe-${index}`, 0), 'taken');
  assert.equal(taken(rates, 'one-more', 0), 'ENGINE_BUSY');
});

test('a probe over its rate is answered 429 with Retry-After, others 200', async (t) => {
  const app = await runApp(t, { limits: { reportsPerSecondPerProbe: 1 } });
  const statuses: number[] = [];
  for (let index = 0; index < 20; index++) {
    const answer = await app.report(clientSide(), 'wild');
    statuses.push(answer.status);
    if (answer.status !== 429) continue;
    assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    assert.equal(((await answer.json()) as { code: string }).code, 'TOO_OFTEN');
  }
  assert.equal(statuses[0], 200);
  assert.ok(statuses.includes(429));
  assert.equal((await app.report(serverSide(), 'calm')).status, 200);
});

test('reports that would take more memory than allowed are refused with 503; who says the same again is not', async (t) => {
  const app = await runApp(t, { limits: { windowBytes: 200_000, reportsPerSecondPerProbe: 1_000 } });
  const large = (probe: number): ReturnType<typeof makeReport> =>
    makeReport({
      Host: [hostNode(`host-${probe}`)],
      Process: [
        makeNode(`host-${probe};1`, 'process', {
          latest: facts({ pid: '1', cmdline: String(probe).repeat(40_000) }),
        }),
      ],
    });
  assert.equal((await app.report(large(1), 'p-1')).status, 200);
  assert.equal((await app.report(large(2), 'p-2')).status, 200);
  const statuses = [];
  for (let probe = 3; probe < 10; probe++)
    statuses.push((await app.report(large(probe), `p-${probe}`)).status);
  assert.ok(statuses.includes(503), statuses.join());
  const refused = await app.report(large(9), 'p-9');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  for (let again = 0; again < 5; again++) assert.equal((await app.report(large(1), 'p-1')).status, 200);
  const { nodes } = (await app.get('/api/topology/hosts')).body as { nodes: object };
  assert.ok('host-1;<host>' in nodes && 'host-2;<host>' in nodes && !('host-9;<host>' in nodes));
  const metrics = String((await app.get('/metrics')).body);
  const bytes = Number(/^topoprobe_window_bytes (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(bytes > 40_000 && bytes <= 200_000, `${bytes} bytes`);
});

test('an engine out of heap is replaced by an empty one that takes reports in again', async (t) => {
  const app = await runApp(t, {
    limits: { engineHeapBytes: 24 * 1024 * 1024, reportsPerSecondPerProbe: 1_000 },
  });
  // Within every other bound, but more than this heap has.
  const big = makeReport({
    Process: Array.from({ length: 60_000 }, (_, index) =>
      makeNode(`x;${index}`, 'process', {
        latest: facts({ pid: String(index), name: 'p', ppid: '1', threads: '3' }),
      }),
    ),
  });
  assert.equal((await app.report(big, 'big')).status, 503);
  let status = 0;
  while (status !== 200) ({ status } = await app.report(clientSide(), 'a'));
  const { nodes } = (await app.get('/api/topology/hosts')).body as { nodes: object };
  assert.deepEqual(Object.keys(nodes), ['alpha;<host>']);
  assert.match(String((await app.get('/metrics')).body), /^topoprobe_engine_restarts 1$/m);
});
