/** Errors that nobody handled end nothing: they are logged, counted, and the part they came from is started again. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { startApp } from '../publish/recording-app.js';
import { until } from '../publish/shipping.js';
import { startScriptedServer } from '../dns/scripted-server.js';
import { loneHost } from '../support/lone-host.js';
import { freePort } from '../support/free-port.js';
import { programPath } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly part?: string;
  readonly err?: { readonly message: string };
}

const ERROR = 50;
const linesOf = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);

/** Of a program that ends by itself. */
function run(program: string): Promise<{ stdout: string; log: LogLine[] }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [programPath(program)], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, log: linesOf(stderr) });
      else reject(new Error(`${program} failed: ${stderr}`, { cause: error }));
    });
  });
}

test('whatever fails with nobody listening: its part is told, counted and started again, the others are left alone', async () => {
  const { stdout, log } = await run('supervised');
  const { starts, counters, troubles } = JSON.parse(stdout) as {
    starts: Record<string, number>;
    counters: Record<string, number>;
    troubles: string[];
  };
  const parts = Object.keys(starts);
  assert.deepEqual(starts, Object.fromEntries(parts.map((part) => [part, 2])));
  assert.equal(counters['unhandled_errors'], parts.length);
  for (const part of parts) {
    assert.equal(counters[`unhandled_errors_in_${part}`], 1, part);
    const [told = assert.fail(`nothing is told of ${part}`), ...more] = log.filter(
      (line) => line.part === part,
    );
    assert.deepEqual(more, []);
    assert.equal(told.level, ERROR);
    assert.match(told.msg, /which is a bug: it is started again; please report this$/);
  }
  assert.equal(log.find(({ part }) => part === 'timer')?.err?.message, 'in a timer');
  assert.equal(troubles.length, 1);
});

test('a part that fails whenever it is started is left alone for longer each time', async () => {
  const { stdout } = await run('broken-part');
  const startedAt = JSON.parse(stdout) as number[];
  // At once, then after at least one second, then after two.
  const pauses = startedAt.slice(1).map((at, i) => at - startedAt[i]!);
  assert.equal(pauses.length, 3);
  assert.ok(pauses[1]! >= 900 && pauses[2]! >= 1800, pauses.join(', '));
});

interface Running {
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

function startBroken(t: TestContext, args: readonly string[]): Running {
  const inject = pathToFileURL(programPath('inject-errors')).href;
  const child = spawn(process.execPath, [TOPOPROBE, ...args, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: `--import=${inject}` },
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(...linesOf(line)));
  return {
    child,
    log,
    async stop() {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}

const SKIP = process.getuid?.() === 0 ? false : 'needs root for network namespaces';

test(
  'a probe starts its resolver again, and says so in its report and its metrics',
  { skip: SKIP },
  async (t) => {
    const app = await startApp(t);
    const dns = await startScriptedServer(t, () => undefined);
    const port = await freePort();
    const probe = startBroken(t, [
      ...['probe', app.url.href, '--metrics-listen', `127.0.0.1:${port}`, '--source', 'proc'],
      ...['--publish-interval', '200ms', '--dns-server', dns.server],
    ]);
    const hostFact = (key: string): string | undefined => {
      const nodes = app.reports.at(-1)?.topologies.get('Host')?.nodes.values() ?? [];
      for (const { latest } of nodes) if (latest?.has(key)) return latest.get(key)?.value;
      return undefined;
    };
    await until('the first report', () => app.reports.length > 0);
    assert.equal(hostFact('degraded_program'), undefined);
    // The probe sees it in its namespace, and asks for the names of both ends.
    await loneHost(t);
    await until('the error is told of', () => probe.log.some(({ part }) => part === 'dns'));
    await until('the report says so', () => hostFact('degraded_program') !== undefined);
    assert.match(hostFact('degraded_program') ?? '', /^errors that nobody handled, .*dns: 1.*please report/);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(metrics, /^topoprobe_probe_program_unhandled_errors_total 1$/m);
    assert.match(metrics, /^topoprobe_probe_program_unhandled_errors_in_dns_total 1$/m);
    assert.match(metrics, /^topoprobe_probe_program_restarts_total 1$/m);
    const { length } = app.reports;
    await until('reports go on', () => app.reports.length > length + 2);
    assert.equal(await probe.stop(), 0);
  },
);

test('an app ends the request that an error comes from, and nothing else', async (t) => {
  const port = await freePort();
  const app = startBroken(t, ['app', '--listen', `127.0.0.1:${port}`]);
  const url = `http://127.0.0.1:${port}`;
  await until('it listens', () => app.log.some(({ msg }) => msg.startsWith('Server listening')));
  const view = new WebSocket(`ws://127.0.0.1:${port}/api/topology/hosts/ws?t=100ms`);
  await once(view, 'message');
  // The answer may be out before the connection is ended.
  await fetch(`${url}/api/probes?fail`).catch(() => undefined);
  await until('the error is told of', () => app.log.some(({ part }) => part === 'request'));
  const read = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
  // fetch may have kept the connection that was ended.
  const metrics = await read().catch(read);
  assert.match(metrics, /^topoprobe_app_unhandled_errors 1$/m);
  assert.match(metrics, /^topoprobe_app_unhandled_errors_in_request 1$/m);
  assert.match(metrics, /^topoprobe_app_lost_log_lines 0$/m);
  assert.equal(view.readyState, WebSocket.OPEN, 'other connections stay');
  view.close();
  assert.equal(await app.stop(), 0);
});
