/** Looking with a browser where tokens are used: a page asks for one, a cookie stands for it until its owner signs out. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createApp } from '../../src/app/index.js';
import { signInPage } from '../../src/app/auth/sign-in-page.js';
import { createAuthority } from '../publish/certificates.js';
import { needsNginx, startNginx } from '../support/programs/reverse-proxy.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { openPage } from '../web/browser.js';
import { runApp } from './running-app.js';
import { clientSide } from './sample-reports.js';

const WEB_ROOT = fileURLToPath(new URL('../../web', import.meta.url));
const AUTH = { probeTokens: ['probe-secret'], readTokens: ['reader-secret', 'other&secret=1+%41'] };
const AS_BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(url, { redirect: 'manual', ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const signIn = (url: string, token: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(`${url}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
    headers: { ...AS_BROWSER, origin: url, ...headers },
  });

/** What a browser sends back of a Set-Cookie header. */
function cookieOf(answer: Answer): string {
  return (answer.headers.get('set-cookie') ?? '').split(';', 1)[0]!;
}

/** Opens a WebSocket; the status of what answers, and the code it is closed with later. */
async function open(
  t: TestContext,
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; closed: Promise<number> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/topology/hosts/ws?t=1s`, { headers });
  t.after(() => socket.terminate());
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, answer]) => (answer as IncomingMessage).statusCode ?? 0),
  ]);
  return { status, closed };
}

test('browsers get a page that asks for a token, programs the JSON they know', async (t) => {
  const { url } = await runApp(t, { auth: AUTH, webRoot: WEB_ROOT });
  for (const path of ['/', '/api/topology/processes', '/nowhere', '/sign-in']) {
    const { status, headers, text } = await ask(url + path, { headers: AS_BROWSER });
    assert.equal(status, path === '/sign-in' ? 200 : 401, path);
    assert.match(headers.get('content-type') ?? '', /^text\/html/);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.match(text, /<form method="post" action="[./]*sign-in">/);
    assert.doesNotMatch(text, /<script|\son\w+=/);
  }
  for (const accept of ['*/*', 'application/json', 'application/msgpack']) {
    const { status, headers, text } = await ask(`${url}/api/report`, { headers: { accept } });
    assert.equal(status, 401);
    assert.equal((JSON.parse(text) as { code: string }).code, 'UNAUTHORISED');
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer /);
  }
});

test('the form leads to the root from wherever it is shown', () => {
  for (const [path, action] of [
    ['/', './sign-in'],
    ['/api', './sign-in'],
    ['/api/', '../sign-in'],
    ['/api/topology/hosts', '../../sign-in'],
  ] as const)
    assert.ok(signInPage({ path }).includes(`action="${action}"`), path);
});

test('a token becomes a cookie that says nothing of it, opens what it opened, and no more', async (t) => {
  const app = await runApp(t, { auth: AUTH, webRoot: WEB_ROOT });
  for (const token of AUTH.readTokens) {
    const answer = await signIn(app.url, token);
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get('location'), './');
    const header = answer.headers.get('set-cookie') ?? '';
    assert.match(header, /; HttpOnly; SameSite=Strict$/);
    assert.match(header, /; Max-Age=\d+;/);
    assert.doesNotMatch(header, /Path|Domain|secret/i);
    const cookie = `theme=dark; ${cookieOf(answer)}`;
    assert.equal((await ask(`${app.url}/`, { headers: { ...AS_BROWSER, cookie } })).status, 200);
    assert.equal((await ask(`${app.url}/api/report`, { headers: { cookie } })).status, 200);
    assert.equal((await open(t, app.url, { cookie, origin: app.url })).status, 101);
    assert.equal((await open(t, app.url, { cookie, origin: 'https://evil.example' })).status, 403);
    const report = await app.post('', { cookie, 'content-type': 'application/msgpack' });
    assert.equal(report.status, 403);
    const { text } = await ask(`${app.url}/session`, { headers: { cookie } });
    assert.deepEqual(JSON.parse(text), { signedIn: true });
  }
  const altered = cookieOf(await signIn(app.url, 'reader-secret')).replace(/.$/, (last) =>
    last === 'A' ? 'B' : 'A',
  );
  for (const cookie of [altered, 'topoprobe-session=', `${altered.split('=', 1)[0]!}=reader-secret`])
    assert.equal((await ask(`${app.url}/api`, { headers: { cookie } })).status, 401, cookie);
});

test('what is no token of people is refused on the page, in words', async (t) => {
  const { url } = await runApp(t, { auth: AUTH });
  for (const [token, words] of [
    ['wrong-secret', /not known/],
    ['', /not known/],
    ['probe-secret', /probes report/],
    ['<script>alert(1)</script>', /not known/],
  ] as const) {
    const { status, headers, text } = await signIn(url, token);
    assert.equal(status, 401);
    assert.match(text, words);
    assert.match(text, /role="alert"/);
    assert.doesNotMatch(text, /alert\(1\)|wrong-secret/);
    assert.equal(headers.get('set-cookie'), null);
    assert.equal(headers.get('www-authenticate'), null);
  }
  assert.equal((await signIn(url, 'x'.repeat(10_000))).status, 413);
  const foreign = await signIn(url, 'reader-secret', { origin: 'https://evil.example' });
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers.get('set-cookie'), null);
});

test('the cookie is for https alone where the browser came by it', async (t) => {
  const { url } = await runApp(t, { auth: AUTH });
  const proxied: [Record<string, string>, boolean][] = [
    [{ 'x-forwarded-proto': 'https' }, true],
    [{ 'x-forwarded-proto': 'HTTPS, http' }, true],
    [{ forwarded: 'for=10.0.0.1;proto=https' }, true],
    [{ 'x-forwarded-proto': 'http' }, false],
  ];
  for (const [headers, isSecure] of proxied) {
    const cookie = (await signIn(url, 'reader-secret', headers)).headers.get('set-cookie') ?? '';
    assert.equal(cookie.includes('; Secure'), isSecure, JSON.stringify(headers));
  }
  const authority = createAuthority(t);
  const { cert, key } = authority.issue('server', 'IP:127.0.0.1');
  const app = await createApp({ auth: AUTH, tls: { cert: String(cert), key: String(key) } });
  t.after(() => app.close());
  const target = new URL('/sign-in', await app.listen({ host: '127.0.0.1', port: 0 }));
  const asked = httpsRequest(target, { method: 'POST', ca: authority.ca, agent: false }).end(
    'token=reader-secret',
  );
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  assert.match(answer.headers['set-cookie']?.[0] ?? '', /; HttpOnly; SameSite=Strict; Secure$/);
});

test('signing out ends the session, and its WebSockets, and no other', async (t) => {
  const { url } = await runApp(t, { auth: AUTH });
  const [mine, other] = [
    cookieOf(await signIn(url, 'reader-secret')),
    cookieOf(await signIn(url, 'reader-secret')),
  ];
  const socket = await open(t, url, { cookie: mine });
  assert.equal(socket.status, 101);
  const out = await ask(`${url}/sign-out`, { method: 'POST', headers: { cookie: mine, origin: url } });
  assert.equal(out.status, 303);
  assert.match(out.headers.get('set-cookie') ?? '', /=; Max-Age=0;/);
  assert.equal(await socket.closed, 4401);
  assert.equal((await ask(`${url}/api`, { headers: { cookie: mine } })).status, 401);
  assert.equal((await open(t, url, { cookie: mine })).status, 401);
  assert.equal((await ask(`${url}/api`, { headers: { cookie: other } })).status, 200);
});

test('Basic stays beside it, and is what browsers are asked for where there are only passwords', async (t) => {
  const users = new Map([['ann', 'pass:word']]);
  const authorization = `Basic ${Buffer.from('ann:pass:word').toString('base64')}`;
  const both = await runApp(t, { auth: { ...AUTH, users } });
  const page = await ask(both.url, { headers: AS_BROWSER });
  assert.match(page.text, /<form/);
  assert.match(page.headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await ask(`${both.url}/api/report`, { headers: { authorization } })).status, 200);
  const passwords = await runApp(t, { auth: { users } });
  const answer = await ask(passwords.url, { headers: AS_BROWSER });
  assert.equal((JSON.parse(answer.text) as { code: string }).code, 'UNAUTHORISED');
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await ask(`${passwords.url}/sign-in`, { headers: AS_BROWSER })).status, 401);
});

test('an app without tokens asks for none', async (t) => {
  const { url } = await runApp(t);
  assert.equal((await ask(`${url}/session`)).text, '{"signedIn":false}');
  assert.equal((await ask(`${url}/sign-in`, { headers: AS_BROWSER })).status, 404);
});

test('whoever follows a link of another site is asked again by the page, which has the cookie', async (t) => {
  const { url } = await runApp(t, { auth: AUTH });
  const refresh = /<meta http-equiv="refresh" content="0"/;
  const from = async (site: string): Promise<string> =>
    (await ask(url, { headers: { ...AS_BROWSER, 'sec-fetch-site': site } })).text;
  assert.match(await from('cross-site'), refresh);
  assert.doesNotMatch(await from('same-origin'), refresh);
});

/** The command with a token file; ended by the test to end its sessions. */
async function startApp(
  t: TestContext,
  listen = '127.0.0.1:0',
): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sign-in-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'read.token');
  writeFileSync(file, 'reader-secret\n');
  const { firstLine, child } = await startProgram(t, [
    process.execPath,
    ...[TOPOPROBE, 'app', '--listen', listen, '--log-level', 'silent', '--read-token-file', file],
  ]);
  return {
    url: firstLine.replace('Dashboard: ', ''),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

for (const javaScript of [true, false]) {
  test(`in a browser the keyboard alone signs in${javaScript ? ' and out' : ', without scripts, too'}`, async (t) => {
    const { url } = await startApp(t);
    const { page, complaints } = await openPage(t, url, { webgl: false, javaScript });
    await page.keyboard.type('wrong-secret');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.keyboard.type('reader-secret');
    await page.keyboard.press('Enter');
    if (javaScript) {
      await page.locator('#link-status[data-state="live"]').waitFor();
      const signOut = page.getByRole('button', { name: 'Sign out' });
      await signOut.focus();
      await page.keyboard.press('Enter');
      await page.getByLabel('Token').waitFor();
      await page.goto(url);
    } else {
      await page.locator('#link-status').waitFor();
      await page.context().clearCookies();
      await page.goto(url);
    }
    await page.getByLabel('Token').waitFor();
    // 401 is what is meant to be answered; nothing else is complained of.
    assert.deepEqual(
      complaints.filter((line) => !line.includes('401')),
      [],
    );
  });
}

test(
  'below a path of a reverse proxy it works as well, and the cookie is for that path alone',
  { skip: needsNginx },
  async (t) => {
    const { url } = await startApp(t);
    const upgrade =
      'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
    const names = 'proxy_set_header X-Forwarded-Host $http_host;';
    const port = await startNginx(
      t,
      (own) =>
        `server { listen 127.0.0.1:${own}; ${upgrade} ${names} location /topology/ { proxy_pass ${url}/; } location / { return 200 beside; } }`,
    );
    const root = `http://127.0.0.1:${port}`;
    const { page } = await openPage(t, `${root}/topology/api/topology/hosts`, { webgl: false });
    await page.getByLabel('Token').fill('reader-secret');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('#link-status[data-state="live"]').waitFor();
    assert.equal(page.url().split('#', 1)[0], `${root}/topology/`);
    const cookies = await page.context().cookies(`${root}/topology/`);
    assert.deepEqual(
      cookies.map(({ path, httpOnly, sameSite }) => [path, httpOnly, sameSite]),
      [['/topology', true, 'Strict']],
    );
    assert.deepEqual(await page.context().cookies(root), []);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
  },
);

test('a restart ends every session, and a page that is open asks for the token again', async (t) => {
  const first = await startApp(t);
  const { page } = await openPage(t, first.url, { webgl: false });
  await page.getByLabel('Token').fill('reader-secret');
  await page.keyboard.press('Enter');
  await page.locator('#link-status[data-state="live"]').waitFor();
  await first.stop();
  await startApp(t, new URL(first.url).host);
  await page.getByLabel('Token').waitFor({ timeout: 60_000 });
});

test('a page whose WebSocket is refused says why, and what to set', { skip: needsNginx }, async (t) => {
  const app = await runApp(t, { webRoot: WEB_ROOT });
  await app.report(clientSide());
  const upgrade =
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
  const port = await startNginx(
    t,
    (own) => `server { listen 127.0.0.1:${own}; ${upgrade} location / { proxy_pass ${app.url}; } }`,
  );
  const { page } = await openPage(t, `http://127.0.0.1:${port}`, { webgl: false });
  await page.getByText('--allowed-origin').waitFor();
  const said = await page.locator('#lost-text').innerText();
  assert.ok(said.includes(`http://127.0.0.1:${port}`) && said.includes(new URL(app.url).host), said);
});
