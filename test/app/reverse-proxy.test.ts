/** The dashboard behind a real nginx: under the app's own name, another one, and below a path. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { isSameOrigin } from '../../src/app/auth/same-origin.js';
import { needsNginx, startNginx } from '../support/programs/reverse-proxy.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { openPage } from '../web/browser.js';
import { runApp } from './running-app.js';

const skip = needsNginx;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WEB_ROOT = join(ROOT, 'build/web');

/** What passes WebSockets on, and leaves every header as nginx sends it by default. */
const UPGRADE = `
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection "upgrade";`;

const before =
  (app: string, headers = '', at = '/', to = '') =>
  (port: number): string =>
    `server { listen 127.0.0.1:${port}; ${UPGRADE} ${headers} location ${at} { proxy_pass ${app}${to}; } }`;

interface Opened {
  readonly status: number;
  readonly body: string;
}

/** Opens a view's WebSocket as a page of `origin` does. */
async function open(t: TestContext, url: string, origin: string, host?: string): Promise<Opened> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/topology/hosts/ws`, {
    headers: { origin, ...(host === undefined ? {} : { host }) },
  });
  t.after(() => socket.terminate());
  socket.on('error', () => undefined);
  return Promise.race([
    once(socket, 'open').then(() => ({ status: 101, body: '' })),
    once(socket, 'unexpected-response').then(async ([, answer]) => ({
      status: (answer as IncomingMessage).statusCode ?? 0,
      body: await text(answer as IncomingMessage),
    })),
  ]);
}

test(
  "with nginx's usual Host the refusal names both values and what to set, and that helps",
  { skip },
  async (t) => {
    const app = await runApp(t, { webRoot: WEB_ROOT });
    const port = await startNginx(t, before(app.url));
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(url)).status, 200);
    const refused = await open(t, url, url);
    assert.equal(refused.status, 403);
    const { error, code } = JSON.parse(refused.body) as { error: string; code: string };
    assert.equal(code, 'FOREIGN_ORIGIN');
    for (const part of [url, new URL(app.url).host, '--allowed-origin', 'X-Forwarded-Host'])
      assert.ok(error.includes(part), `${part}: ${error}`);

    const { firstLine } = await startProgram(t, [
      process.execPath,
      ...[TOPOPROBE, 'up', '--source', 'proc', '--listen', '127.0.0.1:0', '--log-level', 'silent'],
      ...['--allowed-origin', `${url}/`, 'https://fleet.example'],
    ]);
    const told = firstLine.replace('Dashboard: ', '');
    const toldPort = await startNginx(t, before(told));
    assert.equal((await open(t, `http://127.0.0.1:${toldPort}`, url)).status, 101);
    assert.equal((await open(t, `http://127.0.0.1:${toldPort}`, 'https://fleet.example')).status, 101);
    assert.equal((await open(t, `http://127.0.0.1:${toldPort}`, 'https://evil.example')).status, 403);
  },
);

for (const [headers, host] of [
  ['proxy_set_header Host $http_host;', undefined],
  ['proxy_set_header X-Forwarded-Host $http_host;', undefined],
  ['proxy_set_header X-Forwarded-Host $http_host;', 'fleet.example'],
  ['proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;', undefined],
  ['proxy_set_header Host $host; proxy_set_header X-Forwarded-Port $server_port;', undefined],
  [`proxy_set_header Forwarded 'for="[::1]:9";host="$http_host";proto=http';`, undefined],
] as const) {
  test(
    `behind nginx with ${headers} ${host ?? ''} the app's pages get through, those of others don't`,
    { skip },
    async (t) => {
      const app = await runApp(t, { webRoot: WEB_ROOT });
      const port = await startNginx(t, before(app.url, headers));
      const url = `http://127.0.0.1:${port}`;
      const origin = host === undefined ? url : `http://${host}`;
      assert.equal((await open(t, url, origin, host)).status, 101);
      for (const foreign of ['http://evil.example', `http://127.0.0.1:${port === 1 ? 2 : port - 1}`, 'null'])
        assert.equal((await open(t, url, foreign, host)).status, 403, foreign);
    },
  );
}

test("the README's nginx serves the live page at its root and below a path", { skip }, async (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const config = /^```nginx\n([\s\S]*?)^```/m.exec(readme)?.[1];
  assert.ok(config !== undefined);
  const app = await runApp(t, { webRoot: WEB_ROOT });
  const port = await startNginx(t, (own) =>
    config.replace('listen 80;', `listen 127.0.0.1:${own};`).replaceAll('http://127.0.0.1:4040', app.url),
  );
  for (const path of ['/', '/topology/', '/topology']) {
    const { page, complaints } = await openPage(t, `http://127.0.0.1:${port}${path}`, { webgl: false });
    await page.locator('#link-status[data-state="live"]').waitFor();
    assert.deepEqual(complaints, []);
  }
});

test('what a page was asked for by is told from what it was not', () => {
  const cases: [origin: string, headers: Record<string, string>, isSame: boolean][] = [
    ['https://fleet.example', { host: 'fleet.example' }, true],
    ['https://fleet.example', { host: 'FLEET.example:443' }, true],
    ['http://fleet.example:8080', { host: 'fleet.example' }, false],
    ['http://fleet.example:8080', { host: 'fleet.example', 'x-forwarded-port': '8080' }, true],
    ['https://a.example', { host: 'app:4040', 'x-forwarded-host': 'a.example, b.example' }, true],
    ['https://b.example', { host: 'app:4040', 'x-forwarded-host': 'a.example, b.example' }, true],
    ['https://c.example', { host: 'app:4040', 'x-forwarded-host': 'a.example, b.example' }, false],
    ['https://a.example', { host: 'app', forwarded: 'for=1.2.3.4;host=a.example;proto=https, for=b' }, true],
    ['http://[::1]:81', { host: 'app', forwarded: 'Host="[::1]:81"' }, true],
    ['https://a.example', { host: 'app', forwarded: 'for=host' }, false],
    ['https://a.example', { host: 'a.example.evil.example' }, false],
    ['https://a.example', { host: 'evil@a.example' }, false],
    ['https://a.example', { host: 'a.example/evil' }, false],
    ['null', { host: 'null' }, false],
    ['file://', { host: '' }, false],
    ['chrome-extension://a.example', { host: 'a.example' }, false],
  ];
  for (const [origin, headers, isSame] of cases)
    assert.equal(isSameOrigin({ ...headers, origin }, []), isSame, `${origin} ${JSON.stringify(headers)}`);
});
