/** A probe of its own process, as a user would start it, which reports to nobody in particular. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startSink } from './sink.js';

const TOPOPROBE = fileURLToPath(new URL('../../bin/topoprobe', import.meta.url));

export interface ProbeProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startProbeProcess(): Promise<ProbeProcess> {
  const sink = await startSink();
  const args = ['probe', sink.url, '--source', 'ebpf', '--log-level', 'warn'];
  const child = spawn(process.execPath, [TOPOPROBE, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
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
