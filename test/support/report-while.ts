/** Runs `topoprobe report` and, once it watches, the traffic that it is to see. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { JsonReport } from './edges.js';
import { TOPOPROBE } from './topoprobe.js';

export interface WatchOptions {
  /** Must be long enough for the traffic on a slow machine: what happens after it is not in the report. */
  readonly duration?: string;
  readonly source?: 'ebpf' | 'proc';
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the command it is given, in other circumstances. */
  readonly within?: readonly string[];
}

/** The command's report in Scope's JSON form. */
export async function reportWhile(
  t: TestContext,
  traffic: () => Promise<void>,
  { duration = '5s', source = 'ebpf', env = {}, within = [] }: WatchOptions = {},
): Promise<JsonReport> {
  const args = [TOPOPROBE, 'report', '--duration', duration, '--format', 'json', '--source', source];
  const [file = '', ...rest] = [...within, process.execPath, ...args];
  const child = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const said: string[] = [];
  const log = createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const output = text(child.stdout);
  while (!said.some((line) => line.includes('watching connections'))) {
    await Promise.race([once(log, 'line'), exited]);
    assert.equal(child.exitCode, null, `the report ended early: ${said.join('\n')}`);
  }
  await traffic();
  assert.equal(
    child.exitCode,
    null,
    `the traffic took longer than ${duration}: the report may not have all of it`,
  );
  const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  assert.equal(code ?? signal, 0, said.join('\n'));
  return JSON.parse(await output) as JsonReport;
}
