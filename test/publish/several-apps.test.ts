/** Every app gets every report: by URL, by name, with several addresses that come and go. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { RecordingApp, startApp } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

test('several apps get the same bytes, encoded and compressed once', async (t) => {
  const apps = [await startApp(t), await startApp(t), await startApp(t)];
  const publisher = publisherFor(
    t,
    apps.map(({ url }) => url),
  );
  for (let i = 1; i <= 3; i++) {
    publisher.publish([i]);
    await until(`report ${i} is there`, () => apps.every(({ reports }) => reports.length === i));
  }
  assert.equal(publisher.counters()['encoded'], 3);
  for (const app of apps) {
    assert.deepEqual(app.bodies, apps[0]!.bodies);
    assert.equal(totalOf(app.reports), 1 + 2 + 3);
  }
});

test('the requests are those of a probe', async (t) => {
  const app = await startApp(t);
  const publisher = publisherFor(t, [app.url], { token: 'secret' });
  publisher.publish([1]);
  await until('the report is there', () => app.reports.length === 1);
  const [headers] = app.headers;
  assert.equal(headers?.['content-type'], 'application/msgpack');
  assert.equal(headers['content-encoding'], 'gzip');
  assert.equal(headers['x-scope-probe-id'], 'c0ffee');
  assert.equal(headers['x-scope-probe-version'], '1.2.3');
  assert.equal(headers['user-agent'], 'Scope_Probe/1.2.3');
  assert.equal(headers.authorization, 'Scope-Probe token=secret');
});

test('two URLs of one app are one app; when one way fails the other takes over', async (t) => {
  const app = await startApp(t, { id: 'the-app' });
  const second = await startApp(t, { id: 'the-app', address: '127.0.0.2' });
  const publisher = publisherFor(t, [app.url, second.url]);
  const received = (): number => totalOf(app.reports) + totalOf(second.reports);
  publisher.publish([1]);
  await until('one of them has it', () => received() === 1);
  await until('the other stands by', () => publisher.apps().some(({ state }) => state === 'standby'));
  publisher.publish([2]);
  await until('it came once', () => received() === 3);
  await (app.reports.length > 0 ? app : second).stop();
  publisher.publish([4]);
  await until('it came by the other way', () => received() === 7);
  assert.ok(app.reports.length > 0 && second.reports.length > 0);
});

test('every address of a name is an app; addresses come and go, and nothing that waits is lost', async (t) => {
  const one = await startApp(t);
  const two = await startApp(t, { address: '127.0.0.2', port: one.port });
  const three = await startApp(t, { address: '127.0.0.3', port: one.port });
  let addresses = ['127.0.0.1', '127.0.0.2'];
  const publisher = publisherFor(t, [new URL(`http://apps.example:${one.port}`)], {
    lookup: (host) => {
      assert.equal(host, 'apps.example');
      return Promise.resolve(addresses.map((address) => ({ address, family: 4 as const })));
    },
  });
  publisher.publish([5]);
  await until('both have it', () => [one, two].every(({ reports }) => totalOf(reports) === 5));
  assert.equal(one.headers[0]?.host, `apps.example:${one.port}`);
  addresses = ['127.0.0.2', '127.0.0.3'];
  await until('the links follow', () => {
    const shown = publisher.apps().map(({ description }) => /\((.*)\)/.exec(description)?.[1]);
    return shown.sort().join() === '127.0.0.2,127.0.0.3';
  });
  publisher.publish([7]);
  await until('the new ones have it', () => totalOf(two.reports) === 12 && totalOf(three.reports) === 7);
  assert.equal(totalOf(one.reports), 5);
  assert.ok(publisher.messages.some((line) => line.includes('no longer an address of apps.example')));
});

test('a name that can not be looked up yet costs nothing but time', async (t) => {
  const app = await startApp(t);
  let isKnown = false;
  const publisher = publisherFor(t, [new URL(`http://late.example:${app.port}`)], {
    lookup: () =>
      isKnown
        ? Promise.resolve([{ address: '127.0.0.1', family: 4 as const }])
        : Promise.reject(new Error('no such name')),
  });
  publisher.publish([3]);
  publisher.publish([4]);
  await until('it says so', () => publisher.messages.some((line) => line.includes('no such name')));
  isKnown = true;
  await until('what waited is there', () => totalOf(app.reports) === 7);
  assert.equal(app.reports.length, 1);
  assert.equal(publisher.messages.filter((line) => line.includes('no such name')).length, 1);
});

test('an app that is new at an address inherits nothing it has no right to, and misses nothing', async (t) => {
  const app = await startApp(t);
  const publisher = publisherFor(t, [app.url]);
  publisher.publish([1]);
  await until('the first app has it', () => totalOf(app.reports) === 1);
  await app.stop();
  publisher.publish([2]);
  await until('it is away', () => publisher.apps()[0]?.state === 'unreachable');
  const next = new RecordingApp({ port: app.port, id: 'another' });
  await next.start();
  t.after(() => next.stop());
  await until('the next one has what waited', () => totalOf(next.reports) === 2);
});

test('a proxy of the environment is used, but not for what NO_PROXY names', async (t) => {
  const app = await startApp(t);
  const asked: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    const { hostname, port, pathname } = new URL(incoming.url ?? '');
    assert.equal(hostname, 'apps.example');
    const { method, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  await once(proxy, 'listening');
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  process.env = {
    ...before,
    http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    no_proxy: '127.0.0.1',
  };
  const byName = publisherFor(t, [new URL(`http://apps.example:${app.port}`)], {
    lookup: () => Promise.reject(new Error('the proxy looks names up')),
  });
  byName.publish([2]);
  await until('it came through the proxy', () => totalOf(app.reports) === 2);
  const through = asked.length;
  assert.ok(through >= 2, asked.join(' '));
  await byName.close();
  const direct = publisherFor(t, [app.url]);
  direct.publish([3]);
  await until('it came directly', () => totalOf(app.reports) === 5);
  assert.equal(asked.length, through);
});
