/**
 * Memory of the probe, beside a bare Node process in the same measurement: idle, with 10,000 live connections, and while a
 * million of connections come and go. Judged by two numbers: the working set of a cgroup of its own (all that the kernel
 * charges, less inactive pages of files), and anonymous resident memory. Where no cgroup can be made, the second only.
 * Needs root. Arguments: connections that come and go (default 1,000,000).
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { holdConnections } from './held-connections.js';
import { MemoryGroup } from './memory-group.js';
import { startProbeProcess } from './probe-process.js';
import { anonymousMib } from './process-usage.js';

const CHURNED = Number(process.argv[2] ?? 1_000_000);
const STEPS = 5;
const LIVE = 10_000;
const SETTLE_MS = 15_000;
const CHURN = fileURLToPath(new URL('../churn', import.meta.url));
const BARE = ['-e', 'setInterval(() => {}, 1000)'];

interface Reading {
  readonly anonymous: number;
  /** Undefined without a group. */
  readonly workingSet: number | undefined;
}

const read = (pid: number, group: MemoryGroup | undefined): Reading => ({
  anonymous: anonymousMib(pid),
  workingSet: group?.workingSetMib(),
});

/** Does something with a group of its own, which is gone afterwards. */
async function inGroup<T>(name: string, work: (group: MemoryGroup | undefined) => Promise<T>): Promise<T> {
  const made = MemoryGroup.create(name);
  if (typeof made === 'string') return work(undefined);
  try {
    return await work(made);
  } finally {
    made.remove();
  }
}

async function bareNode(group: MemoryGroup | undefined): Promise<Reading> {
  const child =
    group?.spawn(process.execPath, BARE, 'ignore') ?? spawn(process.execPath, BARE, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  await sleep(SETTLE_MS);
  const reading = read(child.pid ?? 0, group);
  child.kill();
  await exited;
  return reading;
}

const beside = (mib: number, bare: number): string =>
  `${mib.toFixed(1)} MiB (${(mib - bare).toFixed(1)} above)`;

async function measureProbe(group: MemoryGroup | undefined, bare: Reading): Promise<void> {
  const probe = await startProbeProcess(group);
  const print = (what: string): void => {
    const { anonymous, workingSet } = read(probe.pid, group);
    const ofGroup =
      workingSet === undefined ? '' : `, working set ${beside(workingSet, bare.workingSet ?? NaN)}`;
    console.log(`${what}: anonymous ${beside(anonymous, bare.anonymous)}${ofGroup}`);
  };
  try {
    await sleep(SETTLE_MS);
    print('idle');
    const held = await holdConnections(LIVE);
    await sleep(SETTLE_MS);
    print(`${held.connections} live connections`);
    await held.release();
    for (let step = 1; step <= STEPS; step++) {
      await promisify(execFile)(CHURN, ['-n', String(CHURNED / STEPS), '-c', '2']);
      print(`${(CHURNED / STEPS) * step} connections came and went`);
    }
    await sleep(SETTLE_MS);
    print('and a moment later');
  } finally {
    await probe.stop();
  }
}

if (process.getuid?.() !== 0) {
  console.log('memory: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const bare = await inGroup('bare', async (group) => {
    console.log(
      group ? `memory cgroup: ${group.version}` : 'no memory cgroup can be made: anonymous memory only',
    );
    return bareNode(group);
  });
  const ofGroup = bare.workingSet === undefined ? '' : `, working set ${bare.workingSet.toFixed(1)} MiB`;
  console.log(`bare Node process: anonymous ${bare.anonymous.toFixed(1)} MiB${ofGroup}`);
  await inGroup('probe', (group) => measureProbe(group, bare));
}
