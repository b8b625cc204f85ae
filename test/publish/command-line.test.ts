/** `topoprobe probe` ships as its options and environment say, and refuses what contradicts itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Num, type FlowDefinition } from '../../src/flows/flow.js';
import { startNodeProgram } from '../support/program.js';
import { TOPOPROBE, topoprobe } from '../support/topoprobe.js';
import { startApp, type RecordingApp } from './recording-app.js';
import { until } from './shipping.js';

/** Ended with the test. */
function startProbe(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const common = ['--source', 'proc', '--log-level', 'error', '--publish-interval', '200ms'];
  const child = spawn(process.execPath, [TOPOPROBE, 'probe', ...args, ...common], {
    stdio: 'inherit',
    env: { ...process.env, TOPOPROBE_METRICS_LISTEN: 'off', TOPOPROBE_DNS: 'off', ...env },
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
}

const cmdlineOf = (app: RecordingApp, pid: number): string | undefined => {
  for (const { topologies } of app.reports) {
    for (const [id, { latest }] of topologies.get('Process')?.nodes ?? []) {
      if (id.endsWith(`;${pid}`)) return latest?.get('cmdline')?.value;
    }
  }
  return undefined;
};

test('an app is named by host and port, the token comes from a file, arguments can be withheld', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'of the file\n');
  const { pid } = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const app = await startApp(t);
  startProbe(t, [`127.0.0.1:${app.port}`, '--token-file', tokenFile, '--no-cmdline-arguments']);
  await until('a report is there', () => app.reports.length > 0);
  assert.equal(app.headers[0]?.authorization, 'Scope-Probe token=of the file');
  assert.equal(cmdlineOf(app, pid), process.execPath);
});

test('everything can come from the environment', async (t) => {
  const { pid } = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const apps = [await startApp(t), await startApp(t)];
  startProbe(t, [], {
    TOPOPROBE_URLS: apps.map(({ url }) => url.href).join(' '),
    TOPOPROBE_TOKEN: 'of the environment',
    TOPOPROBE_CMDLINE_ARGUMENTS: 'verbatim',
    TOPOPROBE_HOSTNAME: 'named',
  });
  await until('both have a report', () => apps.every(({ reports }) => reports.length > 0));
  for (const app of apps) {
    assert.equal(app.headers[0]?.authorization, 'Scope-Probe token=of the environment');
    assert.match(cmdlineOf(app, pid) ?? '', /echo-server\.js 127\.0\.0\.1$/);
    assert.ok(app.reports[0]?.topologies.get('Host')?.nodes.has('named;<host>'));
  }
});

test('an app that takes flows is stated the connection of two programs, and no report', async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const client = await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const app = await startApp(t, { takesFlows: true });
  startProbe(t, [`127.0.0.1:${app.port}`]);
  const found = (): FlowDefinition | undefined =>
    app.statements
      .flatMap(({ flows }) => flows)
      .filter(({ state }) => state?.numbers[Num.Live] === 1)
      .map(({ definition }) => definition)
      .find((definition) => definition?.server.port === Number(server.firstLine));
  await until('it is stated', () => found() !== undefined);
  assert.equal(found()?.client.process?.pid, client.pid);
  assert.equal(found()?.server.process?.pid, server.pid);
  const { length } = app.statements;
  await until('two more states', () => app.statements.length > length + 1);
  const bases = app.statements.map(({ base }) => base);
  const seqs = app.statements.map(({ seq }) => seq);
  assert.deepEqual(bases, [0, ...seqs.slice(0, -1)], 'each since the one before');
  assert.equal(app.reports.length, 0);
});

for (const [what, args, env, line] of [
  ['a certificate without its key', ['--tls-cert', 'a.pem'], {}, /--tls-cert and --tls-key go together/],
  ['a token twice', ['--token-file', 'a'], { TOPOPROBE_TOKEN: 'x' }, /give one of --token-file/],
  ['a malformed DNS server', ['--dns-server', 'dns.example'], {}, /dns\.example.*as a DNS server/],
  ['a rate out of range', ['--dns-rate', '5000'], {}, /'5000' is not a whole number from 1 to 1000/],
  ['a malformed address of metrics', ['--metrics-listen', 'here'], {}, /not HOST:PORT/],
  ['an unknown policy', [], { TOPOPROBE_CMDLINE_ARGUMENTS: 'some' }, /masked, withheld, verbatim/],
] as const) {
  test(`${what} is bad usage`, async () => {
    const { code, stderr } = await topoprobe(['probe', ...args], { env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, line);
    assert.equal(stderr.trim().split('\n').length, 1);
  });
}

for (const [what, args] of [
  ['token file', ['--token-file', '/nonexistent/token']],
  ['authority file', ['--tls-ca', '/nonexistent/ca.pem']],
] as const) {
  test(`a ${what} that is not there fails at the start, with one line that names it`, async () => {
    const { code, stderr } = await topoprobe([
      'probe',
      ...args,
      '--source',
      'proc',
      '--metrics-listen',
      'off',
    ]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\/nonexistent\//);
    assert.equal(stderr.trim().split('\n').length, 1);
  });
}
