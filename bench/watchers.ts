/** What watches connections and can be measured: the probe on a rung, tcplife, and programs that do nothing. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Rung } from '../src/probe/records/coverage.js';
import { hasEnded, untilAttached } from './attached.js';
import { spawnProbe } from './probe-process.js';

export interface Watcher {
  readonly name: string;
  /** Resolves when it watches. @throws when it ends before, or never does */
  start(): Promise<RunningWatcher>;
}

export interface RunningWatcher {
  readonly pid: number;
  /** @throws when it had ended before */
  stop(): Promise<void>;
}

const TCPLIFE = '/usr/sbin/tcplife';
const ATTACH = fileURLToPath(new URL('../attach', import.meta.url));
const NOTHING = fileURLToPath(new URL('../nothing.bpf.o', import.meta.url));

/** @param app where it reports to. @param rung default: that of TOPOPROBE_RUNG, or the highest */
export const probeWatcher = (name: string, app: string, rung?: Rung): Watcher => ({
  name,
  start: () => running(name, spawnProbe(app, '--metrics-listen', 'off', ...(rung ? ['--rung', rung] : []))),
});

/** undefined where libbpf-tools is not installed. */
export function tcplifeWatcher(): Watcher | undefined {
  if (!existsSync(TCPLIFE)) return undefined;
  // It looks its tracepoint up in tracefs, which need not be mounted: mounted here for it alone.
  const script = `mount -t tracefs tracefs /sys/kernel/tracing; exec ${TCPLIFE}`;
  return {
    name: 'tcplife',
    start: () => running('tcplife', spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: 'ignore' })),
  };
}

/** undefined where it was not built. */
export function doNothingWatcher(): Watcher | undefined {
  if (!existsSync(ATTACH) || !existsSync(NOTHING)) return undefined;
  return {
    name: 'do nothing',
    start: () => running('do nothing', spawn(ATTACH, [NOTHING], { stdio: ['pipe', 'ignore', 'inherit'] })),
  };
}

async function running(name: string, child: ChildProcess): Promise<RunningWatcher> {
  const exited = once(child, 'exit');
  const end = (): void => {
    child.kill('SIGTERM');
  };
  process.once('exit', end);
  const ended = async (): Promise<void> => {
    end();
    await exited;
    process.off('exit', end);
  };
  try {
    await once(child, 'spawn');
    await untilAttached(name, child);
  } catch (error) {
    await ended();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    async stop() {
      const wasAlive = !hasEnded(child);
      await ended();
      if (!wasAlive)
        throw new Error(`${name} ended while it was measured: ${child.exitCode ?? child.signalCode}`);
    },
  };
}
