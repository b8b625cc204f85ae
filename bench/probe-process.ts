/** A probe of its own process, as a user would start it, which reports to nobody in particular. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemoryGroup } from './memory-group.js';
import { startSink } from './sink.js';

const TOPOPROBE = fileURLToPath(new URL('../../bin/topoprobe', import.meta.url));

export interface ProbeProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

const STDIO: StdioOptions = ['ignore', 'ignore', 'inherit'];

const argumentsFor = (app: string, options: readonly string[]): string[] => [
  'probe',
  app,
  '--source',
  'ebpf',
  '--log-level',
  'warn',
  ...options,
];

/** @param options of the command besides those it always has here */
export function spawnProbe(app: string, ...options: readonly string[]): ChildProcess {
  return spawn(TOPOPROBE, argumentsFor(app, options), { stdio: STDIO });
}

/** @param group that its memory is charged to. Default: the caller's */
export async function startProbeProcess(group?: MemoryGroup): Promise<ProbeProcess> {
  const sink = await startSink();
  const child =
    group === undefined ? spawnProbe(sink.url) : group.spawn(TOPOPROBE, argumentsFor(sink.url, []), STDIO);
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
