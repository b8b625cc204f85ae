/**
 * The real probe watches 2,000 connections a second, the real app is killed and started again: the app's connections
 * add up to what was opened, the probe stays small, and the app has its first statement within 5 s.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Num } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import { startRelay } from '../publish/counting-relay.js';
import { until } from '../publish/shipping.js';
import { freePort } from '../support/free-port.js';
import { startProgram, type Program } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

/** Built by the Makefile from bench/churn. */
const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
const INTERVAL_MS = 500;
const PER_SECOND = 2000;
const RETURN_WITHIN_MS = 5000;
const RSS_MIB_MAX = 350;

test('an app killed during churn has every connection when it is back', { skip: ebpfSkip }, async (t) => {
  const app = await startRealApp(t, '127.0.0.1:0');
  const appUrl = new URL(app.firstLine.replace('Dashboard: ', ''));
  const relay = await startRelay(t, appUrl);
  const metricsPort = await freePort();
  const probe = spawn(
    process.execPath,
    [TOPOPROBE, 'probe', relay.url, '--source', 'ebpf', '--no-dns', '--log-level', 'warn'].concat([
      '--publish-interval',
      `${INTERVAL_MS}ms`,
      '--metrics-listen',
      `127.0.0.1:${metricsPort}`,
    ]),
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, NO_PROXY: '*' } },
  );
  const probeExit = once(probe, 'exit');
  t.after(async () => {
    probe.kill('SIGKILL');
    await probeExit;
  });
  const ticks = (): Promise<number> => ticksMade(metricsPort);
  await until('the probe reports', () => relay.statements.length > 0);

  const churn = spawn(CHURN, ['-s', '14', '-c', '2', '-r', String(PER_SECOND)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const churnExit = once(churn, 'exit');
  t.after(async () => {
    churn.kill('SIGKILL');
    await churnExit;
  });
  const output: Buffer[] = [];
  churn.stdout.on('data', (chunk: Buffer) => output.push(chunk));

  const beforeChurn = relay.statements.length;
  await until('statements of the churn', () => relay.statements.length > beforeChurn + 2);
  app.child.kill('SIGKILL');
  await once(app.child, 'exit');
  const takenBefore = relay.statements.length;
  const killedAt = await ticks();
  while ((await ticks()) < killedAt + 10) await sleep(50);
  assert.equal(relay.statements.length, takenBefore);

  await startRealApp(t, appUrl.host);
  const backAt = await ticks();
  await until('the first statement after the return', () => relay.statements.length > takenBefore);
  // In ticks, which a slow machine makes slower too.
  assert.ok((await ticks()) - backAt <= RETURN_WITHIN_MS / INTERVAL_MS);

  await churnExit;
  const churned = JSON.parse(Buffer.concat(output).toString()) as Churned;
  const endedAt = await ticks();
  while ((await ticks()) < endedAt + 3) await sleep(50);
  assert.ok(probe.pid !== undefined);
  const peakMib =
    Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${probe.pid}/status`, 'utf8'))?.[1]) / 1024;
  assert.ok(peakMib < RSS_MIB_MAX, `${peakMib} MiB`);
  probe.kill('SIGTERM');
  await probeExit;
  assert.equal(connectionsOf(churned, relay.statements), churned.connections);
});

/** What the churn says of itself. */
interface Churned {
  readonly pid: number;
  readonly port: number;
  readonly connections: number;
}

/** As the newest state has them: numbers are absolute, and an app that was started again got everything. */
function connectionsOf({ pid, port }: Churned, statements: readonly Statement[]): number {
  const ofChurn = new Set<number>();
  const opened = new Map<number, number>();
  for (const { flows } of statements) {
    for (const { id, definition, state } of flows) {
      if (definition?.client.process?.pid === pid && definition.server.port === port) ofChurn.add(id);
      if (state !== undefined) opened.set(id, state.numbers[Num.Opened]!);
    }
  }
  let sum = 0;
  for (const id of ofChurn) sum += opened.get(id) ?? 0;
  return sum;
}

async function startRealApp(t: TestContext, listen: string): Promise<Program> {
  return startProgram(t, [process.execPath, TOPOPROBE, 'app', '--listen', listen, '--log-level', 'warn']);
}

async function ticksMade(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^topoprobe_probe_ticks_made_total (\d+)/m.exec(text)?.[1] ?? NaN);
}
