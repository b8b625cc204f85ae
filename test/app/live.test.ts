/** A view over a WebSocket: everything first, then what changed; slow and vanished clients cost nobody anything. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, hostNode, makeReport, serverSide } from './sample-reports.js';

interface Delta {
  add: { id: string; adjacency?: string[] }[] | null;
  update: { id: string; adjacency?: string[] }[] | null;
  remove: string[] | null;
  reset?: boolean;
}

class Client {
  readonly socket: WebSocket;
  readonly #received: Delta[] = [];
  #waiting: ((delta: Delta) => void) | undefined;

  constructor(t: TestContext, app: RunningApp, path: string) {
    this.socket = new WebSocket(app.url.replace('http', 'ws') + path);
    t.after(() => this.socket.terminate());
    this.socket.on('message', (data: Buffer) => {
      const delta = JSON.parse(data.toString()) as Delta;
      if (this.#waiting === undefined) this.#received.push(delta);
      else this.#waiting(delta);
      this.#waiting = undefined;
    });
  }

  next(): Promise<Delta> {
    const ready = this.#received.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => (this.#waiting = resolve));
  }
}

test('a client gets the whole graph, then additions, updates and removals', async (t) => {
  let now = 1_700_000_000_000;
  const app = await runApp(t, { clock: () => now });
  await app.report(clientSide(), 'a');
  const client = new Client(t, app, '/api/topology/hosts/ws?t=100ms');
  const first = await client.next();
  assert.deepEqual(
    first.add?.map(({ id }) => id),
    ['alpha;<host>'],
  );
  assert.equal(first.reset, true);
  assert.equal(first.remove, null);

  await app.report(serverSide(), 'b');
  const second = await client.next();
  assert.deepEqual(
    second.add?.map(({ id }) => id),
    ['beta;<host>'],
  );
  assert.deepEqual(
    second.update?.map(({ id, adjacency }) => [id, adjacency]),
    [['alpha;<host>', ['beta;<host>']]],
  );
  assert.equal(second.reset, undefined);

  now += 10_000;
  await app.report(serverSide(), 'b');
  now += 5_001;
  const third = await client.next();
  assert.deepEqual(third, { add: null, update: null, remove: ['alpha;<host>'] });
});

test('an empty view is told as such at once', async (t) => {
  const app = await runApp(t);
  const client = new Client(t, app, '/api/topology/processes/ws?t=100ms');
  assert.deepEqual(await client.next(), { add: null, update: null, remove: null, reset: true });
});

test('wrong questions are answered before the upgrade', async (t) => {
  const app = await runApp(t);
  for (const [path, status] of [
    ['/api/topology/nonsense/ws', 404],
    ['/api/topology/hosts/ws?t=soon', 400],
  ] as const) {
    const socket = new WebSocket(app.url.replace('http', 'ws') + path);
    t.after(() => socket.terminate());
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, status);
  }
});

test('a client that does not read is sent the newest state when it reads again, not a queue', async (t) => {
  const app = await runApp(t);
  const slow = new Client(t, app, '/api/topology/hosts/ws?t=100ms');
  const quick = new Client(t, app, '/api/topology/hosts/ws?t=100ms');
  await slow.next();
  await quick.next();
  slow.socket.pause();
  const long = 'x'.repeat(20_000);
  let lastName = '';
  for (let round = 0; round < 8; round++) {
    const names = Array.from({ length: 100 }, (_, index) => `${round}-${index}-${long}`);
    lastName = `${names[0]!};<host>`;
    assert.equal(
      (await app.report(makeReport({ Host: names.map((name) => hostNode(name)) }), 'p')).status,
      200,
    );
    await quick.next();
  }
  slow.socket.resume();
  const known = new Set<string>();
  let messages = 0;
  while (!known.has(lastName)) {
    const delta = await slow.next();
    messages++;
    if (delta.reset === true) known.clear();
    for (const { id } of delta.add ?? []) known.add(id);
    for (const id of delta.remove ?? []) known.delete(id);
  }
  assert.ok(messages < 8, `${messages} messages`);
});

test('a client that vanishes leaves the others undisturbed', async (t) => {
  const app = await runApp(t);
  const dropped = new Client(t, app, '/api/topology/hosts/ws?t=100ms');
  const stays = new Client(t, app, '/api/topology/hosts/ws?t=100ms');
  await dropped.next();
  await stays.next();
  dropped.socket.terminate();
  await app.report(clientSide(), 'a');
  assert.equal((await stays.next()).add?.length, 1);
});

test('a client that sends too much is cut off', async (t) => {
  const app = await runApp(t);
  const client = new Client(t, app, '/api/topology/hosts/ws');
  await client.next();
  client.socket.send(Buffer.alloc(100_000));
  await once(client.socket, 'close');
});

test('a thousand clients all see a change', async (t) => {
  const app = await runApp(t);
  const clients = Array.from({ length: 1_000 }, () => new Client(t, app, '/api/topology/hosts/ws?t=500ms'));
  await Promise.all(clients.map((client) => client.next()));
  await app.report(clientSide(), 'a');
  const deltas = await Promise.all(clients.map((client) => client.next()));
  assert.ok(deltas.every(({ add }) => add?.[0]?.id === 'alpha;<host>'));
});

test('clients over the limit are refused with when to come again, and let in when others leave', async (t) => {
  const app = await runApp(t, { limits: { webSockets: 2 } });
  const path = '/api/topology/hosts/ws?t=100ms';
  const [leaves, stays] = [new Client(t, app, path), new Client(t, app, path)];
  await Promise.all([leaves.next(), stays.next()]);
  const refused = new WebSocket(app.url.replace('http', 'ws') + path);
  t.after(() => refused.terminate());
  refused.on('error', () => undefined);
  const [, response] = (await once(refused, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string> },
  ];
  assert.equal(response.statusCode, 503);
  assert.ok(Number(response.headers['retry-after']) >= 1);
  leaves.socket.close();
  await once(leaves.socket, 'close');
  // The app hears of the end a moment later than the client.
  for (let isIn = false; !isIn;) {
    const next = new WebSocket(app.url.replace('http', 'ws') + path);
    t.after(() => next.terminate());
    next.on('error', () => undefined);
    isIn = await Promise.race([
      once(next, 'message').then(() => true),
      once(next, 'unexpected-response').then(() => false),
    ]);
  }
  await app.report(clientSide(), 'a');
  assert.equal((await stays.next()).add?.length, 1);
});
