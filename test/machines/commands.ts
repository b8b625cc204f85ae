/** Each command of the program on a machine, and what it must have done whatever that machine lacks. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import type { TestContext } from 'node:test';
import { run, runUntil, type Machine, type Outcome } from './machine.js';

const LOG = ['--log-format', 'json'];
const ANY_PORT = '127.0.0.1:0';
const CLOSED_PORT = 'http://127.0.0.1:9';

interface ReportJson {
  readonly Host: {
    readonly nodes: Readonly<Record<string, { latest: Readonly<Record<string, { value: string }>> }>>;
  };
}

export interface Reported extends Outcome {
  readonly host: { readonly id: string; readonly latest: (key: string) => string | undefined };
}

export interface ReportOptions {
  readonly source?: 'auto' | 'ebpf' | 'proc';
  readonly args?: readonly string[];
}

/** `report`: one host, whose name and whose node's id say the same. */
export async function report(
  t: TestContext,
  machine: Machine,
  { source = 'proc', args = [] }: ReportOptions = {},
): Promise<Reported> {
  const outcome = await run(t, machine, [
    ...['report', '--duration', '100ms', '--source', source, ...LOG],
    ...args,
  ]);
  assert.equal(outcome.code, 0, outcome.said.join('\n'));
  assert.deepEqual(outcome.said, []);
  const { nodes } = (JSON.parse(outcome.stdout) as ReportJson).Host;
  const [[id, { latest }] = assert.fail('a report has its host')] = Object.entries(nodes);
  assert.equal(Object.keys(nodes).length, 1);
  const name = latest['host_name']?.value ?? '';
  assert.notEqual(name, '');
  assert.equal(id, `${name};<host>`);
  return { ...outcome, host: { id, latest: (key) => latest[key]?.value } };
}

interface Diagnosis {
  readonly user: string;
  readonly source?: string;
  readonly reason: string;
  readonly checks: readonly { name: string; status: string; detail: string }[];
}

/** `doctor --json`: a diagnosis, and one line more when nothing works. */
export async function doctor(t: TestContext, machine: Machine): Promise<Diagnosis> {
  const { code, stdout, said } = await run(t, machine, ['doctor', '--json']);
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  const failed = diagnosis.source === undefined ? 1 : 0;
  assert.equal(code, failed, said.join('\n'));
  assert.equal(said.length, failed, said.join('\n'));
  return diagnosis;
}

/** `up`: the page is there, and /api tells the host's name. */
export async function up(t: TestContext, machine: Machine, source = 'proc'): Promise<Outcome> {
  return served(t, machine, ['up', '--listen', ANY_PORT, '--source', source, ...LOG]);
}

export async function app(t: TestContext, machine: Machine): Promise<Outcome> {
  return served(t, machine, ['app', '--listen', ANY_PORT, ...LOG]);
}

async function served(t: TestContext, machine: Machine, args: readonly string[]): Promise<Outcome> {
  let name = '';
  const outcome = await runUntil(t, machine, args, /^Dashboard: /, async (line) => {
    const answer = await fetch(`${line.replace('Dashboard: ', '')}/api`);
    ({ hostname: name } = (await answer.json()) as { hostname: string });
  });
  assert.ok(outcome.wasReady, [...outcome.said, ...outcome.warnings].join('\n'));
  assert.equal(outcome.code, 0);
  assert.notEqual(name, '');
  return outcome;
}

/** `probe`, with no app to report to: it watches all the same. */
export async function probe(t: TestContext, machine: Machine, source = 'proc'): Promise<Outcome> {
  const args = ['probe', CLOSED_PORT, '--metrics-listen', ANY_PORT, '--source', source, ...LOG];
  const outcome = await runUntil(t, machine, args, /watching connections/);
  assert.ok(outcome.wasReady, [...outcome.said, ...outcome.warnings].join('\n'));
  assert.equal(outcome.code, 0);
  return {
    ...outcome,
    warnings: outcome.warnings.filter((line) => !line.startsWith('cannot reach an app')),
  };
}

/** `--help` and `--version`. */
export async function texts(t: TestContext, machine: Machine): Promise<void> {
  const [help, version] = await Promise.all([['--help'], ['--version']].map((args) => run(t, machine, args)));
  assert.equal(help?.code, 0);
  assert.match(help.stdout, /Usage: topoprobe/);
  assert.equal(version?.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
}

/** All commands; each must work. @returns the warnings of those that watch */
export async function everyCommand(
  t: TestContext,
  machine: Machine,
): Promise<Readonly<Record<'report' | 'up' | 'probe', readonly string[]>>> {
  const [reported, diagnosis, asText, ofUp, , ofProbe] = await Promise.all([
    report(t, machine),
    doctor(t, machine),
    run(t, machine, ['doctor']),
    up(t, machine),
    app(t, machine),
    probe(t, machine),
    texts(t, machine),
  ]);
  assert.ok(diagnosis.source !== undefined, diagnosis.reason);
  assert.equal(asText.code, 0);
  assert.ok(asText.stdout.includes(diagnosis.user), asText.stdout);
  assert.equal(reported.host.latest('host_name'), hostname());
  return { report: reported.warnings, up: ofUp.warnings, probe: ofProbe.warnings };
}
