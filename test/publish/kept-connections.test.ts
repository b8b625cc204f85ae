/** A kept connection that was closed when it was needed is no outage: the report goes out at once on a new one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { AppStatus } from '../../src/probe/publish/index.js';
import { startApp } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

/** What a proxy does with a kept connection at the moment a further request arrives on it. */
const CLOSINGS: Record<string, (client: Socket) => void> = {
  'is closed': (client) => {
    client.end();
  },
  'is reset': (client) => {
    client.resetAndDestroy();
  },
  'is given up with 408': (client) => {
    client.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  },
};

interface Proxy {
  readonly url: URL;
  connections: number;
  closings: number;
}

/** In front of an app; lets `requests` through on each connection and then closes it when the next one begins. */
async function startProxy(
  t: TestContext,
  appPort: number,
  requests: number,
  close: (client: Socket) => void,
): Promise<Proxy> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    proxy.connections++;
    const upstream = connect(appPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        open.delete(socket);
      });
    }
    let answers = 0;
    client.on('data', (chunk) => {
      if (answers < requests) {
        upstream.write(chunk);
        return;
      }
      proxy.closings++;
      client.removeAllListeners('data');
      client.resume();
      close(client);
    });
    upstream.on('data', (chunk) => {
      if (chunk.includes('HTTP/1.1 200')) answers++;
      client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = { url: new URL(`http://127.0.0.1:${port}`), connections: 0, closings: 0 };
  return proxy;
}

for (const [how, close] of Object.entries(CLOSINGS)) {
  test(`a kept connection that ${how} costs no report and is no outage`, async (t) => {
    const app = await startApp(t);
    const proxy = await startProxy(t, app.port, 2, close);
    const publisher = publisherFor(t, [proxy.url], { identityMs: 60_000 });
    for (let i = 1; i <= 12; i++) {
      publisher.publish([i]);
      await until('it is delivered', () => app.reports.length === i);
    }
    assert.ok(proxy.closings >= 4, `${proxy.closings} connections were closed`);
    assert.equal(totalOf(app.reports), 78);
    const status = (): AppStatus => publisher.apps()[0] ?? assert.fail('there is one app');
    await until('each is accounted for', () => status().counters['reconnects'] === proxy.closings);
    assert.equal(status().state, 'delivering');
    assert.equal(status().counters['failed_tries'], 0);
    assert.deepEqual(
      publisher.messages.filter((message) => !message.startsWith('reporting to the app')),
      [],
    );
  });
}

test('an app that closes every connection is told of as what it is', async (t) => {
  const app = await startApp(t);
  const proxy = await startProxy(t, app.port, 0, (client) => client.resetAndDestroy());
  const publisher = publisherFor(t, [proxy.url]);
  publisher.publish([1]);
  await until('it is unreachable', () => publisher.apps()[0]?.state === 'unreachable');
  assert.equal(publisher.apps()[0]?.counters['reconnects'], 0, 'no connection was kept');
});

test('an app that is gone is unreachable although its connection was kept', async (t) => {
  const app = await startApp(t);
  const publisher = publisherFor(t, [app.url], { identityMs: 60_000 });
  publisher.publish([1]);
  await until('it is delivered', () => app.reports.length === 1);
  await app.stop();
  publisher.publish([1]);
  await until('it is unreachable', () => publisher.apps()[0]?.state === 'unreachable');
});
