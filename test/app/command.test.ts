/** `topoprobe app` as people start it: who may use it, where it listens, and one line for whatever is wrong. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { encodeReport } from '../../src/report/index.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE, topoprobe } from '../support/topoprobe.js';
import { clientSide } from './sample-reports.js';

const ONE_LINE = /^topoprobe: [^\n]+\n$/;
const QUIET = ['--log-level', 'silent'];

function folder(t: TestContext): (name: string, content: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'app-command-'));
  t.after(() => rmSync(path, { recursive: true }));
  return (name, content) => {
    writeFileSync(join(path, name), content, { mode: 0o600 });
    return join(path, name);
  };
}

/** Starts the command on a free port; answers its URL. */
async function startApp(t: TestContext, ...args: string[]): Promise<string> {
  const { firstLine } = await startProgram(t, [
    process.execPath,
    TOPOPROBE,
    'app',
    '--listen',
    '127.0.0.1:0',
    ...QUIET,
    ...args,
  ]);
  const [, url] = /^Dashboard: (\S+)$/.exec(firstLine) ?? [];
  assert.ok(url !== undefined, firstLine);
  return url;
}

async function statusOf(url: string, authorization?: string): Promise<number> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return (await fetch(url, { headers })).status;
}

test('a public address without authentication is refused with one line that names the flag, and exit code 1', async () => {
  for (const address of ['0.0.0.0:0', ':0', '[::]:0']) {
    for (const command of ['app', 'up']) {
      const { code, stderr } = await topoprobe([command, '--listen', address, ...QUIET]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, ONE_LINE);
      assert.match(stderr, /without authentication.*--public-without-auth/);
    }
  }
  const env = { TOPOPROBE_PUBLIC_WITHOUT_AUTH: 'false' };
  assert.equal((await topoprobe(['app', '--listen', '0.0.0.0:0', ...QUIET], { env })).code, 1);
});

test('whoever insists gets a public address, and so does whoever has authentication', async (t) => {
  assert.equal(
    await statusOf(`${await startApp(t, '--listen', '0.0.0.0:0', '--public-without-auth')}/api`),
    200,
  );
  const file = folder(t);
  const url = await startApp(
    t,
    '--listen',
    '0.0.0.0:0',
    '--read-token-file',
    file('read', 'reader-secret\n'),
  );
  assert.equal(await statusOf(`${url}/api`), 401);
});

test('tokens and passwords come from files, several in each, with comments', async (t) => {
  const file = folder(t);
  const url = await startApp(
    t,
    '--probe-token-file',
    file('probes', '# the fleet\nprobe-secret-1\n\nprobe-secret-2\n'),
    '--read-token-file',
    file('readers', 'reader-secret'),
    '--users-file',
    file('users', 'ann:pass:word\n'),
  );
  const report = async (token: string): Promise<number> => {
    const answer = await fetch(`${url}/api/report`, {
      method: 'POST',
      body: Buffer.from(encodeReport(clientSide())),
      headers: { 'content-type': 'application/msgpack', authorization: `Scope-Probe token=${token}` },
    });
    return answer.status;
  };
  assert.equal(await report('probe-secret-1'), 200);
  assert.equal(await report('probe-secret-2'), 200);
  assert.equal(await report('# the fleet'), 401);
  assert.equal(await report('reader-secret'), 403);
  const view = `${url}/api/topology/hosts`;
  assert.equal(await statusOf(view), 401);
  assert.equal(await statusOf(view, 'Bearer reader-secret'), 200);
  assert.equal(await statusOf(view, `Basic ${Buffer.from('ann:pass:word').toString('base64')}`), 200);
});

test('a secret file that is missing, empty or malformed ends the command, and no secret is in the line', async (t) => {
  const file = folder(t);
  const cases: [string, string, RegExp][] = [
    [
      '--probe-token-file',
      '/nonexistent/token',
      /cannot read --probe-token-file \/nonexistent\/token: ENOENT/,
    ],
    ['--read-token-file', file('empty', '# nobody\n'), /empty/],
    ['--read-token-file', file('short', 'hunter2\n'), /line 1 .*at least 8/],
    ['--users-file', file('nocolon', 'ann:password1\nhunter2hunter2\n'), /line 2 .*user:password/],
  ];
  for (const [option, path, line] of cases) {
    const { code, stderr } = await topoprobe(['app', '--listen', '127.0.0.1:0', option, path, ...QUIET]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, ONE_LINE);
    assert.match(stderr, line);
    assert.doesNotMatch(stderr, /hunter2/);
  }
});

test('what is no certificate is refused with one line, and half of a pair is bad usage', async (t) => {
  const file = folder(t);
  const path = file('cert.pem', 'nothing');
  const wrong = await topoprobe([
    'app',
    '--listen',
    '127.0.0.1:0',
    '--tls-cert',
    path,
    '--tls-key',
    path,
    ...QUIET,
  ]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, ONE_LINE);
  assert.match(wrong.stderr, /cannot serve TLS/);
  const half = await topoprobe(['app', '--tls-cert', path]);
  assert.equal(half.code, 2);
  assert.match(half.stderr, /--tls-cert and --tls-key go together/);
  const idle = await topoprobe(['app', '--tls-client-ca', path]);
  assert.equal(idle.code, 2);
});

test('every option has an environment variable, and sizes and names are checked', async () => {
  const { stdout } = await topoprobe(['app', '--help']);
  const options = stdout.match(/^ {2}--(?!help)[a-z-]+/gm) ?? [];
  assert.ok(options.length > 20, stdout);
  for (const option of options) {
    const variable = `TOPOPROBE_${option.trim().slice(2).toUpperCase().replaceAll('-', '_')}`;
    assert.ok(stdout.includes(variable), variable);
  }
  for (const [option, value, line] of [
    ['--max-body', '16', /not a size such as/],
    ['--max-probes', '0', /not a whole number/],
    ['--allowed-host', 'http://x', /not a host name/],
    ['--public-without-auth', 'perhaps', /neither yes nor no/],
  ] as const) {
    const { code, stderr } = await topoprobe(['app', option, value]);
    assert.equal(code, 2);
    assert.match(stderr, line);
  }
});

test('limits reach the app, by option and by environment', async (t) => {
  const small = await startApp(t, '--max-body', '1KiB', '--allowed-host', 'fleet.example');
  const answer = await fetch(`${small}/api/report`, {
    method: 'POST',
    body: Buffer.alloc(2_000),
    headers: { 'content-type': 'application/msgpack' },
  });
  assert.equal(answer.status, 413);
  assert.match(((await answer.json()) as { error: string }).error, /1024 bytes/);
});
