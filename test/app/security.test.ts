/** Who gets in: rights of tokens and passwords, foreign pages and names, exposed addresses, certificates. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { request as plainRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { createApp, isPublic } from '../../src/app/index.js';
import { encodeReport } from '../../src/report/index.js';
import { runApp } from './running-app.js';
import { clientSide } from './sample-reports.js';

const AUTH = {
  probeTokens: ['probe-secret'],
  readTokens: ['reader-secret'],
  users: new Map([['ann', 'pass:word']]),
};
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('each kind of credentials opens what it is for and nothing else', async (t) => {
  const app = await runApp(t, { auth: AUTH });
  const cases: [authorization: string | undefined, api: number, view: number, report: number][] = [
    [undefined, 401, 401, 401],
    ['Bearer wrong', 401, 401, 401],
    ['Scope-Probe token=', 401, 401, 401],
    ['Scope-Probe token=probe-secret', 200, 403, 200],
    ['Bearer probe-secret', 200, 403, 200],
    ['Bearer reader-secret', 200, 200, 403],
    [basic('ann:pass:word'), 200, 200, 200],
    [basic('ann:pass'), 401, 401, 401],
  ];
  for (const [authorization, api, view, report] of cases) {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const shown = authorization ?? 'no credentials';
    assert.equal((await app.get('/api', headers)).status, api, shown);
    assert.equal((await app.get('/api/topology/processes', headers)).status, view, shown);
    const body = Buffer.from(encodeReport(clientSide()));
    assert.equal(
      (await app.post(body, { ...headers, 'content-type': 'application/msgpack' })).status,
      report,
      shown,
    );
  }
  assert.match((await app.get('/')).headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await app.get('/health')).status, 200);
  assert.equal((await app.get('/ready')).status, 200);
});

test('a refused credential does not come back in the answer', async (t) => {
  const app = await runApp(t, { auth: AUTH });
  const { body } = await app.get('/api', { authorization: 'Bearer hunter2' });
  assert.ok(!JSON.stringify(body).includes('hunter2'));
});

test('WebSockets need rights, and pages of other sites open none', async (t) => {
  const app = await runApp(t, { auth: AUTH });
  const url = `${app.url.replace('http', 'ws')}/api/topology/hosts/ws`;
  const reader = { authorization: 'Bearer reader-secret' };
  for (const [headers, status] of [
    [{}, 401],
    [{ ...reader, origin: 'https://evil.example' }, 403],
    [{ ...reader, origin: 'null' }, 403],
  ] as const) {
    const socket = new WebSocket(url, { headers });
    t.after(() => socket.terminate());
    socket.on('error', () => undefined);
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(answer.statusCode, status);
  }
  const own = new WebSocket(url, { headers: { ...reader, origin: app.url } });
  t.after(() => own.terminate());
  await once(own, 'message');
});

test('with names configured, the app answers to these, to addresses and to localhost only', async (t) => {
  const app = await runApp(t, { allowedHosts: ['Fleet.example'] });
  const statusFor = async (host: string): Promise<number | undefined> => {
    const asked = plainRequest(`${app.url}/api`, { headers: { host } }).end();
    const [answer] = (await once(asked, 'response')) as [{ statusCode?: number; resume(): void }];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await statusFor('fleet.example:4040'), 200);
  assert.equal(await statusFor('127.0.0.1'), 200);
  assert.equal(await statusFor('[::1]:4040'), 200);
  assert.equal(await statusFor('rebound.example'), 403);
});

test('answers forbid framing and foreign scripts, and offer nothing to other sites', async (t) => {
  const { headers } = await (await runApp(t)).get('/');
  assert.match(headers.get('content-security-policy') ?? '', /script-src 'self'.*frame-ancestors 'none'/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('access-control-allow-origin'), null);
});

test('a public address without authentication is refused where that is asked for', async (t) => {
  const careful = await createApp({ publicWithoutAuth: 'refuse' });
  t.after(() => careful.close());
  await assert.rejects(careful.listen({ host: '0.0.0.0', port: 0 }), { code: 'PUBLIC_WITHOUT_AUTH' });
  const known = await createApp({ publicWithoutAuth: 'refuse', auth: AUTH });
  t.after(() => known.close());
  await known.listen({ host: '0.0.0.0', port: 0 });
  assert.deepEqual(
    ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '10.0.0.1', 'host'].map(isPublic),
    [false, false, false, false, true, true, true, true],
  );
});

test('with an authority, only clients with its certificate get in, and an expired one does not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
    '-days',
    '2',
  );
  for (const [name, days] of [
    ['server', '2'],
    ['client', '2'],
    ['expired', '-1'],
  ] as const) {
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      '/CN=localhost',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      `${name}.pem`,
      '-days',
      days,
    );
  }
  const app = await createApp({
    tls: { cert: read('server.pem'), key: read('server.key'), ca: read('ca.pem') },
  });
  t.after(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  assert.equal(url.protocol, 'https:');
  const statusWith = async (identity: { cert?: string; key?: string }): Promise<number | undefined> => {
    const asked = request(new URL('/api', url), {
      ...identity,
      ca: read('ca.pem'),
      servername: 'localhost',
      agent: false,
    }).end();
    const [answer] = (await once(asked, 'response')) as [{ statusCode?: number; resume(): void }];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await statusWith({ cert: read('client.pem'), key: read('client.key') }), 200);
  await assert.rejects(statusWith({}));
  await assert.rejects(statusWith({ cert: read('expired.pem'), key: read('expired.key') }));
});
