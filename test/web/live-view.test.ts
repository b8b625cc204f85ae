/** The live connection against a real WebSocket server: whole graph, deltas, loss, return. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Backoff } from '../../src/web/api/backoff.js';
import { LiveView, type LinkState } from '../../src/web/api/live-view.js';

const quick = (): Backoff => new Backoff({ firstMs: 10, maxMs: 40, random: () => 0 });

async function serve(t: TestContext, port = 0): Promise<WebSocketServer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

const portOf = (server: WebSocketServer): number => (server.address() as AddressInfo).port;

/** Records what a live view says, and waits for it to say something. */
class Listener {
  readonly said: string[] = [];
  #waiting: (() => void)[] = [];

  say(text: string): void {
    this.said.push(text);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async heard(text: string, times = 1): Promise<void> {
    while (this.said.filter((each) => each === text).length < times) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function watch(
  t: TestContext,
  port: number,
  options: { isAlive?: () => Promise<void>; silenceMs?: number; backoff?: Backoff } = {},
): { view: LiveView; listener: Listener } {
  const listener = new Listener();
  const view = new LiveView({
    url: `ws://127.0.0.1:${port}/`,
    openSocket: (url) => new WebSocket(url),
    isAlive: () => Promise.resolve(),
    backoff: quick(),
    onState: (state: LinkState) => listener.say(state.kind),
    onDelta: ({ add }, first) =>
      listener.say(`${first ? 'whole' : 'delta'}:${add.map(({ id }) => id).join()}`),
    ...options,
  });
  t.after(() => view.close());
  return { view, listener };
}

void test('the first message is the whole graph, those after it are deltas', async (t) => {
  const server = await serve(t);
  server.on('connection', (socket) => {
    socket.send('{"add":[{"id":"a"}]}');
    socket.send('{"add":[{"id":"b"}]}');
  });
  const { listener } = watch(t, portOf(server));
  await listener.heard('delta:b');
  assert.deepEqual(listener.said, ['connecting', 'live', 'whole:a', 'delta:b']);
});

void test('a lost connection is made again, and starts with the whole graph', async (t) => {
  const server = await serve(t);
  server.on('connection', (socket) => socket.send('{"add":[{"id":"a"}]}'));
  const { listener } = watch(t, portOf(server));
  await listener.heard('whole:a');
  for (const client of server.clients) client.terminate();
  await listener.heard('whole:a', 2);
  assert.deepEqual(listener.said.slice(3), ['lost', 'connecting', 'live', 'whole:a']);
});

void test('an app that is not there is tried again until it is', async (t) => {
  const first = await serve(t);
  const port = portOf(first);
  first.close();
  await once(first, 'close');
  const { listener } = watch(t, port);
  await listener.heard('lost', 3);
  const server = await serve(t, port);
  server.on('connection', (socket) => socket.send('{"add":[]}'));
  await listener.heard('whole:');
});

void test('who does not want to wait need not', async (t) => {
  const server = await serve(t);
  const patient = new Backoff({ firstMs: 3_600_000, maxMs: 3_600_000, random: () => 1 });
  const { view, listener } = watch(t, portOf(server), { backoff: patient });
  await listener.heard('live');
  for (const client of server.clients) client.terminate();
  await listener.heard('lost');
  view.retryNow();
  await listener.heard('live', 2);
});

void test('a message that cannot be understood starts the connection over', async (t) => {
  const server = await serve(t);
  let connections = 0;
  server.on('connection', (socket) => socket.send(++connections === 1 ? 'nonsense' : '{"add":[{"id":"a"}]}'));
  const { listener } = watch(t, portOf(server));
  await listener.heard('whole:a');
  assert.ok(listener.said.includes('lost'));
});

void test('silence is fine while the app answers, and a loss when it does not', async (t) => {
  const server = await serve(t);
  let answers = 0;
  const { listener } = watch(t, portOf(server), {
    silenceMs: 5,
    isAlive: () => (++answers < 3 ? Promise.resolve() : Promise.reject(new Error('gone'))),
  });
  await listener.heard('lost');
  assert.ok(answers >= 3);
  assert.deepEqual(listener.said.slice(0, 3), ['connecting', 'live', 'lost']);
});

void test('nothing is said any more after closing', async (t) => {
  const server = await serve(t);
  const { view, listener } = watch(t, portOf(server));
  await listener.heard('live');
  const [client] = server.clients;
  assert.ok(client);
  const closed = once(client, 'close');
  view.close();
  await closed;
  assert.deepEqual(listener.said, ['connecting', 'live']);
});

void test('waiting doubles up to its limit and starts over after a success', () => {
  const backoff = new Backoff({ firstMs: 1_000, maxMs: 30_000, random: () => 1 });
  assert.deepEqual(
    Array.from({ length: 7 }, () => backoff.nextMs()),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
  );
  backoff.succeeded();
  assert.equal(backoff.nextMs(), 1_000);
  assert.equal(new Backoff({ firstMs: 1_000, maxMs: 30_000, random: () => 0 }).nextMs(), 500);
});
