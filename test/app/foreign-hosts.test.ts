/** A name that another site made point here (DNS rebinding) opens nothing of an app that asks nobody who he is. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { ownNames } from '../../src/machine/own-names.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { publisherFor, until } from '../publish/shipping.js';
import { runApp } from './running-app.js';

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

async function ask(
  url: string,
  host: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const asked = request(url, { method, headers: { ...headers, host }, agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, body: await text(answer) };
}

/** The status that a WebSocket's opening is answered with. */
async function open(t: TestContext, url: string, host: string): Promise<number> {
  const address = `${url.replace('http', 'ws')}/api/topology/hosts/ws`;
  const socket = new WebSocket(address, { headers: { host, origin: `http://${host}` } });
  t.after(() => socket.terminate());
  socket.on('error', () => undefined);
  return Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, answer]) => (answer as IncomingMessage).statusCode ?? 0),
  ]);
}

async function startApp(t: TestContext, ...args: string[]): Promise<string> {
  const { firstLine } = await startProgram(t, [
    process.execPath,
    TOPOPROBE,
    ...args,
    '--log-level',
    'silent',
  ]);
  return firstLine.replace('Dashboard: ', '');
}

const FOREIGN = [
  'evil.example',
  'evil.example:4040',
  'localhost.evil.example',
  '127.0.0.1.evil.example:80',
  'notlocalhost',
  '[::1].evil.example',
  'localhost:4040.evil.example',
  'localhost@evil.example',
];
const OWN = [
  'localhost',
  'LocalHost.:80',
  '127.0.0.1',
  '192.0.2.7:4040',
  '[::1]:4040',
  '[2001:db8::1]',
  hostname(),
];
const PATHS = [
  '/',
  '/api',
  '/api/report',
  '/api/topology/processes',
  '/api/v1/probes',
  '/metrics',
  '/nowhere',
];

for (const command of [['app'], ['up', '--source', 'proc']]) {
  test(`topoprobe ${command[0]!} as it is by default answers to addresses and this machine's names only`, async (t) => {
    const url = await startApp(t, ...command, '--listen', '127.0.0.1:0');
    for (const host of FOREIGN) {
      for (const path of PATHS) {
        const { status, body } = await ask(url + path, host, { headers: { origin: `http://${host}` } });
        assert.equal(status, 403, `${host}${path}`);
        const { code, error } = JSON.parse(body) as { code: string; error: string };
        assert.equal(code, 'FOREIGN_HOST');
        assert.match(error, /--allowed-host/);
      }
      assert.equal((await ask(`${url}/api/report`, host, { method: 'POST' })).status, 403, host);
      assert.equal(await open(t, url, host), 403, host);
    }
    for (const host of OWN) {
      assert.equal((await ask(`${url}/api/report`, host)).status, 200, host);
      assert.equal((await ask(`${url}/`, host)).status, 200, host);
    }
    assert.equal(await open(t, url, 'localhost:4040'), 101);
    assert.equal(await open(t, url, hostname()), 101);
  });
}

test('this machine is called what its kernel and /etc/hosts say, whatever else is in there', () => {
  const names = ownNames();
  assert.ok(names.has('localhost') && names.has(hostname().toLowerCase()));
  assert.ok(!names.has(''));
});

test('names, or any name, can be let in', async (t) => {
  const named = await startApp(
    t,
    'app',
    '--listen',
    '127.0.0.1:0',
    '--allowed-host',
    'fleet.example',
    'b.example',
  );
  for (const host of ['Fleet.example:4040', 'b.example', 'localhost', hostname()])
    assert.equal((await ask(`${named}/api`, host)).status, 200, host);
  assert.equal((await ask(`${named}/api`, 'evil.example')).status, 403);
  const any = await startApp(t, 'up', '--source', 'proc', '--listen', '127.0.0.1:0', '--allowed-host', 'any');
  assert.equal((await ask(`${any}/api`, 'anything.example')).status, 200);
  assert.equal(await open(t, any, 'anything.example'), 101);
});

test('an app with credentials answers to any name, unless it was told which', async (t) => {
  const authorization = { headers: { authorization: 'Bearer reader-secret' } };
  const auth = { readTokens: ['reader-secret'] };
  const any = await runApp(t, { auth });
  assert.equal((await ask(`${any.url}/api`, 'fleet.example', authorization)).status, 200);
  assert.equal((await ask(`${any.url}/api`, 'fleet.example')).status, 401);
  const named = await runApp(t, { auth, allowedHosts: ['fleet.example'] });
  assert.equal((await ask(`${named.url}/api`, 'fleet.example', authorization)).status, 200);
  assert.equal((await ask(`${named.url}/api`, 'evil.example', authorization)).status, 403);
});

test('the name of this machine that an app was given is its own', async (t) => {
  const { url } = await runApp(t, { hostname: 'Web-1.example' });
  assert.equal((await ask(`${url}/api`, 'web-1.example')).status, 200);
});

test('a probe that asks by a name the app does not know says so, and keeps its report', async (t) => {
  const { url } = await runApp(t);
  const target = new URL(`http://fleet.example:${new URL(url).port}`);
  const publisher = publisherFor(t, [target], {
    lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    closeGraceMs: 0,
  });
  publisher.publish([1]);
  await until('it is told', () => publisher.messages.some((line) => line.includes('--allowed-host')));
  assert.equal(publisher.apps()[0]?.state, 'failing');
  assert.equal(publisher.counters()['pending'], 1);
});
