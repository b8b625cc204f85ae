/** An app that is away, slow or busy: it learns of everything when it is back, nothing grows, nobody is pestered. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff, DEFAULT_BACKOFF, retryAfterMs } from '../../src/probe/publish/backoff.js';
import { startApp } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

test('an app that comes and goes learns of every connection, in one report each time it is back', async (t) => {
  let app = await startApp(t);
  const publisher = publisherFor(t, [app.url]);
  const all = [...app.reports];
  let opened = 0;
  const publish = (connections: number): void => {
    opened += connections;
    publisher.publish([connections, 1]);
    opened++;
  };
  publish(10);
  await until('it is there', () => totalOf(app.reports) === opened);
  for (let round = 0; round < 3; round++) {
    await app.stop();
    all.push(...app.reports);
    for (let i = 0; i < 20; i++) publish(100 + i);
    await until('the publisher knows', () => publisher.apps()[0]?.state === 'unreachable');
    assert.equal(publisher.counters()['pending'], 1);
    app = await startApp(t, { port: app.port });
    await until('all of it is there', () => totalOf(all) + totalOf(app.reports) === opened);
    assert.equal(app.reports.length, 1);
  }
});

test('a slow app has one report under way and one that waits, and gets all', async (t) => {
  const app = await startApp(t);
  const waiting: (() => void)[] = [];
  app.onPost = () => new Promise((resolve) => waiting.push(() => resolve(undefined)));
  const publisher = publisherFor(t, [app.url]);
  const fast = await startApp(t);
  const other = publisherFor(t, [fast.url]);
  for (let i = 0; i < 50; i++) {
    publisher.publish([i + 1]);
    other.publish([i + 1]);
    if (i === 0) await until('the first is under way', () => app.posted === 1);
  }
  assert.equal(app.posted, 1);
  assert.equal(publisher.counters()['links'], 1);
  const total = (50 * 51) / 2;
  await until('the fast app has all', () => totalOf(fast.reports) === total);
  waiting.shift()?.();
  await until('the second is under way', () => app.posted === 2);
  waiting.shift()?.();
  await until('the slow app has all', () => totalOf(app.reports) === total);
  assert.equal(app.reports.length, 2);
});

test('a report that is refused is given up with one line, and the next one is sent', async (t) => {
  const app = await startApp(t);
  app.onPost = () => ({ status: 400, body: 'not today\nsecond line' });
  const publisher = publisherFor(t, [app.url]);
  for (let i = 0; i < 3; i++) {
    publisher.publish([10]);
    await until('it was refused', () => publisher.counters()['refused_reports'] === i + 1);
  }
  assert.equal(app.posted, 3);
  assert.equal(publisher.counters()['refused_connections'], 30);
  const lines = publisher.messages.filter((line) => /\b400\b/.test(line));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0]!, /not today; the next state is sent all the same/);
  app.onPost = () => undefined;
  publisher.publish([7]);
  await until('the next one is there', () => totalOf(app.reports) === 7);
});

for (const status of [401, 429, 500, 503]) {
  test(`after ${status} the report is kept and sent again, with one line for all tries`, async (t) => {
    const app = await startApp(t);
    app.onPost = () => (app.posted <= 3 ? { status } : undefined);
    const publisher = publisherFor(t, [app.url]);
    publisher.publish([5]);
    await until('it is there', () => totalOf(app.reports) === 5);
    assert.equal(app.posted, 4);
    const ofStatus = new RegExp(`\\b${status}\\b`); // the app's port may have these digits, too
    assert.equal(publisher.messages.filter((line) => ofStatus.test(line)).length, 1);
  });
}

test('Retry-After is waited for, in seconds and as a date', async (t) => {
  const patient = await startApp(t);
  const impatient = await startApp(t);
  patient.onPost = () => (patient.posted > 1 ? undefined : { status: 503, headers: { 'retry-after': '2' } });
  impatient.onPost = () => ({ status: 503 });
  const publisher = publisherFor(t, [patient.url, impatient.url], { closeGraceMs: 0 });
  publisher.publish([5]);
  await until('it is there', () => totalOf(patient.reports) === 5);
  assert.equal(patient.posted, 2);
  assert.ok(impatient.posted > 5, `${impatient.posted} tries without the header meanwhile`);

  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterMs('7', now), 7000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2015 00:00:30 GMT', now), 0);
  assert.equal(retryAfterMs('soon', now), undefined);
  assert.equal(retryAfterMs(undefined, now), undefined);
});

test('waits double up to their bound, with jitter; an app that is away is tried at least every 5 s', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.constantFrom('away' as const, 'failing' as const), (failures, kind) => {
      const backoff = new Backoff(DEFAULT_BACKOFF);
      const most = kind === 'away' ? 4000 : 60_000;
      for (let i = 0; i <= failures; i++) {
        const plain = Math.min(most, 1000 * 2 ** i);
        const wait = backoff.next(kind);
        assert.ok(wait <= plain && wait >= 0.8 * plain, `${wait} after ${i} failures`);
      }
      backoff.reset();
      assert.ok(backoff.next(kind) <= 1000);
    }),
  );
  const waits = new Set(Array.from({ length: 20 }, () => new Backoff(DEFAULT_BACKOFF).next('failing')));
  assert.ok(waits.size > 1, 'there is no jitter');
  assert.equal(new Backoff(DEFAULT_BACKOFF).next('failing', 30_000), 30_000);
  assert.equal(new Backoff(DEFAULT_BACKOFF).next('failing', 1e12), 3_600_000);
});

test('a gateway in the place of an app that is away does not delay its return', async (t) => {
  const app = await startApp(t);
  app.onAsk = () => (app.asked <= 5 ? { status: 502 } : undefined);
  // A wait as after a failure would outlast the test.
  const backoff = { firstMs: 5, maxMs: 3_600_000, awayMaxMs: 10 };
  const publisher = publisherFor(t, [app.url], { backoff });
  publisher.publish([5]);
  await until('it is there', () => totalOf(app.reports) === 5);
});

test('an app that takes a connection and never answers is given up after the time limit', async (t) => {
  const silent: Server = createServer((request, response) => {
    if (request.method === 'GET') response.end('{"id":"silent"}');
  }).listen(0, '127.0.0.1');
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  await once(silent, 'listening');
  const address = silent.address();
  assert.ok(typeof address === 'object' && address !== null);
  const publisher = publisherFor(t, [new URL(`http://127.0.0.1:${address.port}`)], {
    sendTimeoutMs: 50,
    closeGraceMs: 0,
  });
  publisher.publish([5]);
  await until('it is given up', () => publisher.apps()[0]?.state === 'unreachable');
  assert.equal(publisher.counters()['pending'], 1);
});

test('closing delivers what waits, and gives up on an app that is away', async (t) => {
  const app = await startApp(t);
  const publisher = publisherFor(t, [app.url]);
  publisher.publish([3]);
  await publisher.close();
  assert.equal(totalOf(app.reports), 3);
  publisher.publish([4]);
  await publisher.close();
  assert.equal(totalOf(app.reports), 3);

  await app.stop();
  const other = publisherFor(t, [app.url], { closeGraceMs: 20 });
  other.publish([3]);
  await other.close();
});
