/**
 * The apps that benchmarks measure: ours, and Weave Scope's where TOPOPROBE_SCOPE names its binary. Each runs in a
 * process of its own, so that its CPU time and memory can be told.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/free-port.js';

export interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const STARTS_WITHIN_MS = 20_000;

export async function startOurs(): Promise<Subject> {
  return startServe('topoprobe', fileURLToPath(new URL('./serve.js', import.meta.url)));
}

/** Our app of another version, where TOPOPROBE_BEFORE names its checkout, which is built. */
export async function startBefore(): Promise<Subject | undefined> {
  const checkout = process.env['TOPOPROBE_BEFORE'];
  if (checkout === undefined || checkout === '') return undefined;
  return startServe('before', join(checkout, 'build/bench/app/serve.js'));
}

async function startServe(name: string, file: string): Promise<Subject> {
  const child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [url] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${file} ended; is its checkout built?`))),
  ])) as [string];
  return { name, url, pid: child.pid!, stop: () => end(child) };
}

/** Undefined when no binary is given. */
async function startScope(): Promise<Subject | undefined> {
  const binary = process.env['TOPOPROBE_SCOPE'];
  if (binary === undefined || binary === '') return undefined;
  const port = await freePort();
  const child = spawn(
    binary,
    ['--mode=app', `--app.http.address=127.0.0.1:${port}`, '--app.weave.addr=', '--app.log.level=error'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      await (await fetch(`${url}/api`)).arrayBuffer();
      return { name: 'scope', url, pid: child.pid!, stop: () => end(child) };
    } catch (error) {
      if (performance.now() > deadline || child.exitCode !== null) {
        await end(child);
        throw new Error(`cannot start ${binary}; give the path of a Scope binary in TOPOPROBE_SCOPE`, {
          cause: error,
        });
      }
      await sleep(100);
    }
  }
}

/** Measures ours, then Scope's where its binary is given; each is ended whatever happens. */
export async function measureApps(measure: (subject: Subject) => Promise<void>): Promise<void> {
  for (const start of [startOurs, startScope]) {
    const subject = await start();
    if (subject === undefined) {
      console.log('scope: skipped (name its binary in TOPOPROBE_SCOPE)');
      continue;
    }
    try {
      await measure(subject);
    } finally {
      await subject.stop();
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
