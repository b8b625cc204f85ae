/** A probe of its own process, as a user would start it, which reports to nobody in particular. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startSink } from './sink.js';

const TOPOPROBE = fileURLToPath(new URL('../../bin/topoprobe', import.meta.url));

export interface ProbeProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param options of the command besides those it always has here */
export function spawnProbe(app: string, ...options: readonly string[]): ChildProcess {
  const args = ['probe', app, '--source', 'ebpf', '--log-level', 'warn', ...options];
  return spawn(TOPOPROBE, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

export async function startProbeProcess(): Promise<ProbeProcess> {
  const sink = await startSink();
  const child = spawnProbe(sink.url);
  const exited = once(child, 'exit');
  if (child.pid === undefined) throw new Error('the probe could not be started');
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await sink.close();
    },
  };
}
