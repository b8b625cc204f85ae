/**
 * How long it takes to find the sockets that were there before the probe, and whose they are: the tracker's first look at
 * all open files, then with the first snapshot, then with the second half of the sweep, for their further holders; beside a
 * plain walk of /proc/PID/fd that reads every link, in the same run. Needs root. Arguments: processes (default 200),
 * connections of each (default 125, two sockets each).
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { loadTracker } from 'ebpf-bridge/ebpf';
import { holdConnections } from './held-connections.js';

const PROCESSES = Number(process.argv[2] ?? 200);
const CONNECTIONS_EACH = Number(process.argv[3] ?? 125);
const ROUNDS = 5;

/** Sockets found by reading all links; the least that any scan of /proc has to do. */
function walkProc(): number {
  let sockets = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:[')) sockets++;
    } catch {
      // It ended meanwhile, or closed a descriptor.
    }
  }
  return sockets;
}

interface Took {
  readonly ms: number;
  readonly sockets: number;
}

const median = (all: readonly Took[]): Took => all.toSorted((a, b) => a.ms - b.ms)[all.length >> 1]!;

async function took(work: () => Promise<number>): Promise<Took> {
  const start = performance.now();
  const sockets = await work();
  return { ms: performance.now() - start, sockets };
}

if (process.getuid?.() !== 0) {
  console.log('seeding: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const held = await holdConnections(PROCESSES * CONNECTIONS_EACH, PROCESSES);
  const adoptions: Took[] = [];
  const snapshots: Took[] = [];
  const sweeps: Took[] = [];
  const walks: Took[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const tracker = await loadTracker();
    const adopted = await took(() => tracker.sweepAdopt().then(() => 0));
    const { seeded } = await tracker.counters();
    adoptions.push({ ...adopted, sockets: seeded });
    snapshots.push(await took(async () => (await tracker.snapshot()).recordCount));
    sweeps.push(await took(async () => (await tracker.sweepHolders()).holderCount));
    await tracker.close();
    walks.push(await took(() => Promise.resolve(walkProc())));
  }
  const [adopted, snapshot, swept, walk] = [adoptions, snapshots, sweeps, walks].map(median);
  await held.release();
  const known = adopted!.ms + snapshot!.ms;
  const ms = (all: number): string => `${all.toFixed(1)} ms`;
  const ratio = (all: number): string => `${(walk!.ms / all).toFixed(1)}x`;
  console.log(
    `${held.sockets} sockets in ${PROCESSES} processes: known with their processes after ${ms(adopted!.ms)} ` +
      `(${adopted!.sockets} sockets), with the first snapshot ${ms(known)} (${snapshot!.sockets} records), with all other ` +
      `holders ${ms(known + swept!.ms)}; walk of /proc/PID/fd ${ms(walk!.ms)} (${walk!.sockets} sockets): ` +
      `${ratio(adopted!.ms)}, ${ratio(known)} with the snapshot, ${ratio(known + swept!.ms)} with the holders`,
  );
}
