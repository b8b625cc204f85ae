/** Proxies of the environment: used for what is elsewhere, never for this machine unless asked for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname, networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { proxyFor } from '../../src/probe/publish/proxy.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { createAuthority } from './certificates.js';
import { startApp } from './recording-app.js';
import { startProxy } from './recording-proxy.js';
import { publisherFor, totalOf, until } from './shipping.js';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];
const GIVE_UP_MS = 60_000;

/** The environment of this test without proxies, and with those given. */
function environment(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !NAMES.includes(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...variables };
}

function withEnvironment(t: TestContext, variables: NodeJS.ProcessEnv): void {
  const before = process.env;
  t.after(() => {
    process.env = before;
  });
  process.env = environment(variables);
}

async function start(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [TOPOPROBE, ...args, '--source', 'proc', '--no-dns'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(env),
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = createInterface({ input: child.stdout });
  if (args[0] !== 'up') return '';
  const [line] = (await once(lines, 'line')) as [string];
  return line.replace('Dashboard: ', '');
}

for (const variable of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']) {
  test(`with ${variable} set, up shows its own reports, and the proxy hears of none`, async (t) => {
    const proxy = await startProxy(t);
    const quick = ['--publish-interval', '200ms', '--log-level', 'error'];
    const url = await start(t, ['up', '--listen', '127.0.0.1:0', ...quick], {
      [variable]: `http://127.0.0.1:${proxy.port}`,
    });
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const probes = (await (await fetch(`${url}/api/probes`)).json()) as unknown[];
      if (probes.length > 0) break;
      assert.ok(performance.now() < giveUpAt, 'no report came');
      await sleep(50);
    }
    assert.deepEqual(proxy.asked, []);
  });
}

test('probe reaches this machine by whichever name directly, token and all, and through the proxy when told to', async (t) => {
  const proxy = await startProxy(t);
  const app = await startApp(t);
  const common = ['--publish-interval', '200ms', '--log-level', 'error', '--metrics-listen', 'off'];
  const env = { HTTP_PROXY: `127.0.0.1:${proxy.port}`, TOPOPROBE_TOKEN: 'not for others' };
  await start(t, ['probe', `http://127.0.0.1:${app.port}`, ...common], env);
  await until('it reports', () => app.reports.length > 1);
  assert.deepEqual(proxy.asked, []);
  await start(t, ['probe', `http://127.0.0.1:${app.port}`, '--proxy-local', ...common], env);
  await until('it reports through the proxy', () => proxy.asked.some((url) => url.endsWith('/api/report')));
});

test('an https app elsewhere is reached through a tunnel, with user and password for the proxy', async (t) => {
  const authority = createAuthority(t);
  const app = await startApp(t, { tls: authority.issue('server', 'DNS:app.example') });
  const proxy = await startProxy(t);
  withEnvironment(t, { HTTPS_PROXY: `http://me:pass%20word@127.0.0.1:${proxy.port}` });
  const publisher = publisherFor(t, [new URL(`https://app.example:${app.port}`)], {
    caFile: authority.caFile,
    lookup: () => Promise.reject(new Error('the proxy looks names up')),
  });
  publisher.publish([2]);
  await until('it is there', () => totalOf(app.reports) === 2);
  assert.equal(proxy.asked[0], `app.example:${app.port}`);
  assert.equal(proxy.authorizations[0], `Basic ${Buffer.from('me:pass word').toString('base64')}`);
});

test('a proxy of a kind that is of no use is told, and nothing leaves', async (t) => {
  const app = await startApp(t);
  withEnvironment(t, { ALL_PROXY: 'socks5://user:hunter2@127.0.0.1:1080' });
  const publisher = publisherFor(t, [new URL(`http://app.example:${app.port}`)], { closeGraceMs: 0 });
  publisher.publish([1]);
  await until('it is told', () => publisher.messages.some((line) => line.includes('cannot use the proxy')));
  assert.ok(!publisher.log.join('').includes('hunter2'));
});

const PROXY = 'http://proxy.example:3128';
const decide = (url: string, env: NodeJS.ProcessEnv, proxyLocal = false): string | undefined =>
  proxyFor(new URL(url), { proxyLocal }, env)?.origin;

test('this machine is reached directly under each of its addresses and names', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ scopeid }) => (scopeid ?? 0) === 0)
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  assert.ok(own.length > 0);
  const hosts = [
    ...['127.0.0.1', '127.1.2.3', '2130706433', '0.0.0.0', '169.254.7.7', '[::1]', '[::]', '[fe80::7]'],
    ...['[::ffff:127.0.0.1]', 'localhost', 'LOCALHOST.', 'app.localhost', hostname(), ...own],
  ];
  for (const host of hosts) {
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://${host}:4040`;
      assert.equal(decide(url, { ALL_PROXY: PROXY }), undefined, url);
      assert.equal(decide(url, { ALL_PROXY: PROXY }, true), PROXY, url);
    }
  }
  for (const host of ['192.0.2.7', '[2001:db8::7]', 'localhost.example', 'notlocalhost'])
    assert.equal(decide(`http://${host}`, { http_proxy: PROXY }), PROXY, host);
});

test('variables are read in capitals or not, and NO_PROXY in each of its forms', () => {
  const http = 'http://app.example:4040';
  const cases: [url: string, env: NodeJS.ProcessEnv, proxy: string | undefined][] = [
    [http, {}, undefined],
    [http, { HTTP_PROXY: PROXY }, PROXY],
    [http, { http_proxy: 'proxy.example:3128' }, PROXY],
    [http, { http_proxy: PROXY, HTTP_PROXY: 'http://other' }, PROXY],
    [http, { http_proxy: '', HTTP_PROXY: PROXY }, PROXY],
    [http, { HTTPS_PROXY: PROXY, https_proxy: PROXY }, undefined],
    ['https://app.example', { HTTPS_PROXY: PROXY }, PROXY],
    ['https://app.example', { https_proxy: PROXY }, PROXY],
    ['https://app.example', { HTTP_PROXY: PROXY }, undefined],
  ];
  const excepted: [url: string, list: string, isExcepted: boolean][] = [
    [http, '*', true],
    [http, 'app.example', true],
    [http, 'other, APP.example', true],
    [http, 'example', true],
    [http, '.example', true],
    [http, '*.example', true],
    [http, 'app.example:4040', true],
    [http, 'app.example:4041', false],
    [http, 'pp.example', false],
    [http, 'other.example', false],
    ['http://10.1.2.3', '10.0.0.0/8', true],
    ['http://10.1.2.3', '10.1.2.3', true],
    ['http://10.1.2.3', '10.1.2.3:80', true],
    ['http://10.1.2.3', '11.0.0.0/8 192.0.2.0/24', false],
    ['http://10.1.2.3', '2.3', false],
    ['http://[2001:db8::7]', '2001:db8::/32', true],
    ['http://[2001:db8::7]', '2001:db8::7', true],
    ['http://[2001:db8::7]', '[2001:db8::7]:80', true],
    ['http://[2001:db8::7]', '[2001:db8::7]:81', false],
    ['http://10.1.2.3', '10.0.0.0/99', false],
  ];
  for (const [url, list, isExcepted] of excepted)
    for (const name of ['NO_PROXY', 'no_proxy'])
      cases.push([url, { http_proxy: PROXY, [name]: list }, isExcepted ? undefined : PROXY]);
  for (const [url, env, proxy] of cases)
    assert.equal(decide(url, env), proxy, `${url} ${JSON.stringify(env)}`);
});
