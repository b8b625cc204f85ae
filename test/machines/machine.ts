/**
 * Runs the program on a machine that lacks something. What it lacks is taken away for real, in namespaces (mounts, host
 * name) that are made for one command and gone when it ends. Needs root.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { TOPOPROBE } from '../support/topoprobe.js';

export interface Machine {
  /** Shell commands that take things away. `$scratch` is an empty folder. Default: nothing is taken away. */
  readonly prepare?: string;
  /** Runs the command as a user that /etc/passwd does not have. */
  readonly as?: 'root' | 'nameless user';
  /** Commands that run the command behind them. */
  readonly within?: readonly string[];
  /** How node and the program are reached, where that is not as here. */
  readonly program?: readonly string[];
}

export const NAMELESS_UID = 12_345;
export const MACHINES_SKIP =
  process.getuid?.() === 0 ? false : 'needs root to take things away in namespaces of its own';

const HERE = [process.execPath, TOPOPROBE];
const DEADLINE_MS = 20_000;
const POLL_MS = 50;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** Lines of the log, at level warn and above. */
  readonly warnings: readonly string[];
  /** Lines on stderr that are not of the log. */
  readonly said: readonly string[];
}

/** Runs a command to its end. */
export async function run(t: TestContext, machine: Machine, args: readonly string[]): Promise<Outcome> {
  const child = start(t, machine, args);
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), ended(child)]);
  return outcomeOf(child.exitCode, stdout, stderr);
}

/**
 * Runs a command that goes on until it is told to stop, waits for a line on stdout or stderr, does `meanwhile` and stops it.
 * @param ready of the line that is waited for
 * @returns what it came to; without the line ever coming, when it ended by itself
 */
export async function runUntil(
  t: TestContext,
  machine: Machine,
  args: readonly string[],
  ready: RegExp,
  meanwhile: (line: string) => Promise<void> = () => Promise.resolve(),
): Promise<Outcome & { readonly wasReady: boolean }> {
  const child = start(t, machine, args);
  const lines = { stdout: [] as string[], stderr: [] as string[] };
  const end = ended(child);
  const line = await new Promise<string | undefined>((resolve) => {
    for (const name of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[name]! }).on('line', (one) => {
        lines[name].push(one);
        if (ready.test(one)) resolve(one);
      });
    }
    void end.then(() => resolve(undefined));
  });
  if (line !== undefined) {
    await meanwhile(line);
    child.kill('SIGTERM');
  }
  await end;
  const outcome = outcomeOf(child.exitCode, lines.stdout.join('\n'), lines.stderr.join('\n'));
  return { ...outcome, wasReady: line !== undefined };
}

/**
 * Runs a command that goes on until it is told to stop, waits until `url` answers that all is well, and stops it.
 * @returns what it came to; when it ended by itself, before that
 */
export async function runUntilServing(
  t: TestContext,
  machine: Machine,
  args: readonly string[],
  url: string,
): Promise<Pick<Outcome, 'code'> & { readonly wasServing: boolean }> {
  const child = start(t, machine, args);
  child.stdout?.resume();
  child.stderr?.resume();
  const end = ended(child);
  let wasServing = false;
  while (!wasServing && child.exitCode === null && child.signalCode === null) {
    await sleep(POLL_MS);
    wasServing = await fetch(url).then(
      ({ ok }) => ok,
      () => false, // nobody listens yet
    );
  }
  child.kill('SIGTERM');
  await end;
  return { code: child.exitCode, wasServing };
}

function start(t: TestContext, machine: Machine, args: readonly string[]): ChildProcess {
  const { prepare = '', as = 'root', within = [], program = HERE } = machine;
  const scratch = mkdtempSync(join(tmpdir(), 'topoprobe-machine-'));
  const user =
    as === 'root'
      ? []
      : ['/usr/bin/setpriv', `--reuid=${NAMELESS_UID}`, `--regid=${NAMELESS_UID}`, '--clear-groups'];
  // Node itself tells of certificates that it can't find any more.
  const { NODE_EXTRA_CA_CERTS: _unused, ...env } = process.env;
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--uts', '--propagation', 'private'],
      ...['/bin/sh', '-euc', `scratch=$1; shift\n${prepare}\nexec "$@"`, 'sh', scratch],
      ...[...user, ...within, ...program, ...args],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env },
  );
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(scratch, { recursive: true, force: true });
  });
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  await once(child, 'close');
  clearTimeout(timer);
  assert.notEqual(child.signalCode, 'SIGKILL', `the command did not end within ${DEADLINE_MS} ms`);
}

const WARN = 40;
/** Whoever else has namespaces on this machine (containers, other tests): that is nothing that a machine here lacks. */
const OTHERS_NAMESPACES = /^addresses of \d+ of \d+ network namespaces can't be read/;
const INTERNALS = /\bat [^ ]+ \(|node:internal|Node\.js v|\buv_|\bERR_[A-Z]|std::|\[object |Error:/;

/** Fails when a stack trace or a message from inside Node is among what was said. */
function outcomeOf(code: number | null, stdout: string, stderr: string): Outcome {
  const lines = stderr.split('\n').filter((line) => line !== '');
  const warnings: string[] = [];
  const said: string[] = [];
  for (const line of lines) {
    assert.doesNotMatch(line, INTERNALS, stderr);
    if (!line.startsWith('{')) {
      said.push(line);
      continue;
    }
    const entry = JSON.parse(line) as { level: number; msg: string };
    if (entry.level >= WARN && !OTHERS_NAMESPACES.test(entry.msg)) warnings.push(entry.msg);
  }
  for (const line of said) assert.match(line, /^topoprobe: /, stderr);
  return { code, stdout, warnings, said };
}
