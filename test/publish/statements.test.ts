/** Statements: an app that takes flows gets what changed since the state that it has, whatever happened in between. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { decodeReport } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { RecordingApp, startApp, type RecordingAppOptions } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

const flowsApp = (t: TestContext, options: RecordingAppOptions = {}): Promise<RecordingApp> =>
  startApp(t, { takesFlows: true, ...options });

test('the first statement is whole, the next ones have what changed, and no report is sent', async (t) => {
  const app = await flowsApp(t);
  const publisher = publisherFor(t, [app.url]);
  const { table } = publisher;
  for (const [i, counts] of [[1, 2, 3], [5], [0, 1], [7]].entries()) {
    publisher.publish(counts);
    await until('it is there', () => app.statements.length === i + 1);
    assert.equal(app.states.opened, table.opened);
  }
  const shown = app.statements.map(({ base, flows }) => [
    base,
    flows.length,
    flows[0]?.definition !== undefined,
  ]);
  assert.deepEqual(shown, [
    [0, 3, true],
    [1, 1, false],
    [2, 2, false],
    [3, 1, false],
  ]);
  assert.equal(app.reports.length, 0);
  await until('the last one is confirmed', () => publisher.counters()['delivered'] === 4);
  const { delivered, delivered_statements, delivered_whole_statements } = publisher.counters();
  assert.deepEqual([delivered, delivered_statements, delivered_whole_statements], [4, 4, 1]);
});

test('when nothing changed, the app hears of it in at most 200 bytes', async (t) => {
  const app = await flowsApp(t);
  const publisher = publisherFor(t, [app.url]);
  publisher.publish([1, 2, 3]);
  await until('it is there', () => app.statements.length === 1);
  publisher.notify();
  await until('it hears of it', () => app.statements.length === 2);
  assert.equal(app.statements[1]?.flows.length, 0);
  assert.ok(gunzipSync(app.bodies[1]!).length <= 200);
});

test('statements go out with what a probe sends with reports, encoded once for all apps that have the same state', async (t) => {
  const apps = [await flowsApp(t), await flowsApp(t), await flowsApp(t)];
  const urls = apps.map(({ url }) => url);
  const publisher = publisherFor(t, urls, { token: 'secret', intervalMs: 3000 });
  for (const counts of [[1, 2], [3]]) {
    publisher.publish(counts);
    await until('all have it', () => apps.every(({ states }) => states.opened === publisher.table.opened));
  }
  assert.equal(publisher.counters()['encoded'], 2);
  for (const { bodies } of apps) assert.deepEqual(bodies, apps[0]!.bodies);
  const [headers] = apps[0]!.headers;
  assert.equal(headers?.['content-type'], 'application/msgpack');
  assert.equal(headers['content-encoding'], 'gzip');
  assert.equal(headers['x-scope-probe-id'], 'c0ffee');
  assert.equal(headers['x-topoprobe-interval'], '3000');
  assert.equal(headers.authorization, 'Scope-Probe token=secret');
});

test('one table serves all apps; one that was away for long gets the newest state in one statement', async (t) => {
  const steady = await flowsApp(t);
  let app = await flowsApp(t, { id: 'comes and goes' });
  const publisher = publisherFor(t, [app.url, steady.url]);
  const { table } = publisher;
  publisher.publish([1, 2]);
  await until('both have it', () => [app, steady].every(({ states }) => states.opened === table.opened));
  await until('both have answered', () => publisher.confirmedSeq() === 1);
  const { states } = app;
  await app.stop();
  for (let i = 0; i < 300; i++) {
    publisher.publish([i, 1]);
    await until('the steady one has it', () => steady.states.opened === table.opened);
  }
  assert.equal(publisher.counters()['pending'], 1);
  assert.equal(publisher.confirmedSeq(), 1);
  app = new RecordingApp({ id: 'comes and goes', port: app.port, takesFlows: true });
  app.states = states;
  await app.start();
  t.after(() => app.stop());
  await until('it has all', () => app.states.opened === table.opened);
  assert.deepEqual(
    app.statements.map(({ base, seq }) => [base, seq]),
    [[1, table.seq]],
  );
  await until('both have answered', () => publisher.confirmedSeq() === table.seq);
});

test('an app that was started again gets a whole statement, by its id or by its answer', async (t) => {
  const app = await flowsApp(t);
  const publisher = publisherFor(t, [app.url], { identityMs: 3_600_000 });
  const { table } = publisher;
  const publish = async (): Promise<number | undefined> => {
    publisher.publish([1, 2, 3]);
    await until('it is there', () => app.states.opened === table.opened);
    return app.statements.at(-1)?.base;
  };
  assert.equal(await publish(), 0);
  assert.equal(await publish(), 1);
  app.forget();
  assert.equal(await publish(), 0);
  assert.equal(publisher.counters()['conflicts'], 1);
  assert.equal(await publish(), 3);
  app.id = 'another, at the same address and on the same connection';
  app.forget();
  assert.equal(await publish(), 0);
  assert.equal(await publish(), 5);
  assert.equal(publisher.counters()['failed_tries'], 0);
});

test('what was taken in without an answer is delivered again, and does no harm', async (t) => {
  const app = await flowsApp(t);
  const publisher = publisherFor(t, [app.url]);
  const { table } = publisher;
  publisher.publish([1]);
  await until('it is there', () => app.states.opened === 1);
  app.losesAnswers = true;
  publisher.publish([1]);
  await until('it was tried', () => (publisher.counters()['failed_tries'] ?? 0) > 2);
  app.losesAnswers = false;
  await until('it is confirmed', () => publisher.counters()['pending'] === 0);
  publisher.publish([1]);
  await until('it is there', () => app.states.opened === table.opened);
  assert.equal(app.states.opened, 3);
});

type Event =
  'open' | 'forget' | 'away' | 'back' | 'lose answers' | 'answer' | 'another app' | 'fail' | 'heal';

test('through any restarts, losses, repeats and failures an app ends up with the truth', async (t) => {
  const event = fc.constantFrom<Event>(
    ...(['open', 'open', 'open', 'forget', 'away', 'back'] as const),
    ...(['lose answers', 'answer', 'another app', 'fail', 'heal'] as const),
  );
  const script = fc.array(event, { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(script, async (events) => {
      const app = await flowsApp(t);
      const publisher = publisherFor(t, [app.url], { backoff: { firstMs: 1, maxMs: 3, awayMaxMs: 3 } });
      const handled: Record<Event, () => void | Promise<void>> = {
        open: () => publisher.publish([1, 0, 5]),
        forget: () => app.forget(),
        away: () => app.cutOff(),
        back: () => app.comeBack(),
        'lose answers': () => void (app.losesAnswers = true),
        answer: () => void (app.losesAnswers = false),
        'another app': () => {
          app.id += '+';
          app.forget();
        },
        fail: () => void (app.onPost = () => ({ status: 503 })),
        heal: () => void (app.onPost = () => undefined),
      };
      for (const one of events) {
        await handled[one]();
        const tried = publisher.counters();
        if (one === 'open' && app.isReachable)
          await until('it was tried', () => !sameTries(tried, publisher.counters()));
      }
      for (const one of ['back', 'answer', 'heal', 'open'] as const) await handled[one]();
      await until('it has the truth', () => app.states.opened === publisher.table.opened);
      await publisher.close();
      await app.stop();
    }),
    { numRuns: 60 },
  );
});

function sameTries(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  return ['delivered', 'failed_tries', 'conflicts'].every((name) => a[name] === b[name]);
}

for (const status of [404, 405]) {
  test(`an app that answers ${status} to statements gets reports, and the one after it statements`, async (t) => {
    const app = await flowsApp(t);
    app.onPost = (path) => (path === '/api/flows' ? { status } : undefined);
    const publisher = publisherFor(t, [app.url], { identityMs: 0 });
    publisher.publish([3]);
    await until('it is there', () => totalOf(app.reports) === 3);
    publisher.publish([4]);
    await until('that, too', () => totalOf(app.reports) === 7);
    assert.equal(app.posted, 3, 'it is asked for flows once');
    assert.equal(publisher.counters()['failed_tries'], 0);
    app.id = 'a newer one';
    app.onPost = () => undefined;
    publisher.publish([5]);
    await until('the newer one has all', () => app.states.opened === 12);
    assert.equal(totalOf(app.reports), 7);
  });
}

test('a Scope app and one that takes flows are served from one table, each in its form', async (t) => {
  const ours = await flowsApp(t);
  const reports: Report[] = [];
  const scope = createServer((request, response) => {
    if (request.url === '/api') {
      response.setHeader('Content-Type', 'application/json');
      response.end(
        '{"id":"6b0a","version":"1.13.2","hostname":"scope","plugins":[],"capabilities":{"historic_reports":false}}\n',
      );
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/api/report') reports.push(decodeReport(gunzipSync(Buffer.concat(chunks))));
      else response.statusCode = 404;
      response.end();
    });
  }).listen(0, '127.0.0.1');
  t.after(() => {
    scope.closeAllConnections();
    scope.close();
  });
  await once(scope, 'listening');
  const { port } = scope.address() as AddressInfo;
  const publisher = publisherFor(t, [ours.url, new URL(`http://127.0.0.1:${port}`)]);
  const { table } = publisher;
  for (let i = 1; i <= 5; i++) {
    publisher.publish([i, 2 * i]);
    await until(
      'both have it',
      () => totalOf(reports) === table.opened && ours.states.opened === table.opened,
    );
  }
  assert.equal(reports.length, 5);
  await until('both have answered', () => publisher.confirmedSeq() === table.seq);
  assert.equal(ours.reports.length, 0);
});

test('a statement that is refused is counted and said once; when it is wanted, nothing is missing', async (t) => {
  const app = await flowsApp(t);
  app.onPost = () => ({ status: 413, body: '{"error":"too much","code":"REPORT_TOO_LARGE"}' });
  const publisher = publisherFor(t, [app.url]);
  for (let i = 1; i <= 3; i++) {
    publisher.publish([10]);
    await until('it was refused', () => publisher.counters()['refused_statements'] === i);
  }
  assert.equal(app.posted, 3);
  assert.equal(publisher.messages.filter((line) => line.includes('too much')).length, 1);
  app.onPost = () => undefined;
  publisher.publish([7]);
  await until('it has all', () => app.states.opened === 37);
});

test('an app that refuses whole statements with 409 is waited for, and gets the state when it takes it', async (t) => {
  const app = await flowsApp(t);
  app.onPost = () => ({ status: 409, body: '{"have":7}' });
  const publisher = publisherFor(t, [app.url]);
  publisher.publish([3]);
  await until('it was tried again', () => (publisher.counters()['failed_tries'] ?? 0) > 2);
  assert.equal(publisher.apps()[0]?.state, 'failing');
  app.onPost = () => undefined;
  await until('it has it', () => app.states.opened === 3);
});

test('of two ways to one app the second goes on from what the first one delivered', async (t) => {
  const app = await flowsApp(t, { id: 'the-app' });
  const second = await flowsApp(t, { id: 'the-app', address: '127.0.0.2' });
  second.states = app.states;
  const publisher = publisherFor(t, [app.url, second.url]);
  const { table } = publisher;
  publisher.publish([1, 2]);
  await until('it is there', () => app.states.opened === table.opened);
  await until('the other stands by', () => publisher.apps().some(({ state }) => state === 'standby'));
  const [used, other] = app.statements.length > 0 ? [app, second] : [second, app];
  await used.stop();
  publisher.publish([4]);
  await until('it came by the other way', () => app.states.opened === table.opened);
  assert.deepEqual(
    other.statements.map(({ base }) => base),
    [1],
  );
});

test('what all apps have is what the least of them has; an address that never answers beside one that does is none', async (t) => {
  const app = await flowsApp(t);
  const target = new URL(`http://fleet.example:${app.port}`);
  const publisher = publisherFor(t, [target], {
    lookup: () =>
      Promise.resolve([
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.77', family: 4 },
      ]),
    closeGraceMs: 0,
  });
  assert.equal(publisher.confirmedSeq(), 0);
  publisher.publish([1]);
  publisher.publish([1]);
  await until('it is there', () => publisher.confirmedSeq() === 2);
  const both = publisherFor(t, [app.url, new URL('http://127.0.0.77:9')], { closeGraceMs: 0 });
  both.publish([1]);
  await until('one has it', () => both.counters()['delivered'] === 1);
  assert.equal(both.confirmedSeq(), 0);
});

test('closing delivers the newest state, also to an app that wants it whole', async (t) => {
  const app = await flowsApp(t);
  const publisher = publisherFor(t, [app.url]);
  publisher.publish([3]);
  await until('it is there', () => app.states.opened === 3);
  app.forget();
  publisher.publish([4]);
  await publisher.close();
  assert.equal(app.states.opened, 7);
  publisher.publish([5]);
  await publisher.close();
  assert.equal(app.states.opened, 7);
});
