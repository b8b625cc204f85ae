/** Waits until a process that was started has its BPF programs attached. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAttached } from './bpf-stats.js';

const LONGEST_START_MS = 30_000;
const LOOK_AGAIN_MS = 50;

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

/** @throws when it ends before, or has attached none after half a minute */
export async function untilAttached(name: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + LONGEST_START_MS;
  while (child.pid !== undefined && !hasEnded(child)) {
    if (isAttached(child.pid)) return;
    if (performance.now() > deadline)
      throw new Error(`${name} has attached no BPF program after ${LONGEST_START_MS / 1000} s`);
    await sleep(LOOK_AGAIN_MS);
  }
  throw new Error(`${name} ended before it watched (exit code ${child.exitCode ?? child.signalCode})`);
}
