/** Starting and stopping: bound addresses, refused ones with what to do, the page, and an end that does not hang. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { AppError, createApp } from '../../src/app/index.js';
import { runApp } from './running-app.js';

test('a port in use is a typed error that says what to do', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const app = await createApp();
  t.after(() => app.close());
  await assert.rejects(app.listen({ host: '127.0.0.1', port }), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'LISTEN_IN_USE');
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*--listen`));
    return true;
  });
});

test('an address that is not of this machine is a typed error', async (t) => {
  const app = await createApp({ publicWithoutAuth: 'allow' });
  t.after(() => app.close());
  await assert.rejects(app.listen({ host: '192.0.2.1', port: 0 }), { code: 'LISTEN_NO_ADDRESS' });
});

test('closing ends WebSockets and is idempotent', async (t) => {
  const app = await createApp();
  t.after(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = new WebSocket(`ws://${url.host}/api/topology/hosts/ws`);
  t.after(() => socket.terminate());
  await once(socket, 'message');
  const closed = once(socket, 'close');
  await Promise.all([app.close(), app.close()]);
  await closed;
  await assert.rejects(fetch(url));
});

test('the page and its assets are served, and what is no file is 404', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'page-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(root, 'main.js'), 'export {};');
  const app = await runApp(t, { webRoot: root });
  assert.match(String((await app.get('/')).body), /<title>page/);
  assert.match((await app.get('/main.js')).headers.get('content-type') ?? '', /javascript/);
  assert.equal((await app.get('/none.js')).status, 404);
  assert.equal((await app.get('/../../etc/passwd')).status, 404);
});

test('without a built page `/` says so', async (t) => {
  const app = await runApp(t);
  assert.match(String((await app.get('/')).body), /make build/);
});
