/**
 * How long it takes to find the sockets that were there before the probe, and who holds them: the tracker's scan of all open
 * files, beside a plain walk of /proc/PID/fd that reads every link, in the same run. Needs root.
 * Arguments: processes (default 200), connections of each (default 125, two sockets each).
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { loadTracker } from 'ebpf-bridge';
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

if (process.getuid?.() !== 0) {
  console.log('seeding: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const held = await holdConnections(PROCESSES * CONNECTIONS_EACH, PROCESSES);
  const scans: Took[] = [];
  const snapshots: Took[] = [];
  const walks: Took[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const tracker = await loadTracker();
    const start = performance.now();
    await tracker.scanFiles();
    const scanned = performance.now();
    const { seeded } = await tracker.counters();
    const counted = performance.now();
    const { recordCount } = await tracker.snapshot();
    const done = performance.now();
    await tracker.close();
    scans.push({ ms: scanned - start, sockets: seeded });
    snapshots.push({ ms: scanned - start + done - counted, sockets: recordCount });
    const walkStart = performance.now();
    const sockets = walkProc();
    walks.push({ ms: performance.now() - walkStart, sockets });
  }
  const [scan, snapshot, walk] = [median(scans), median(snapshots), median(walks)];
  await held.release();
  console.log(
    `${held.sockets} sockets in ${PROCESSES} processes: scan of all open files ${scan.ms.toFixed(1)} ms (${scan.sockets} sockets), ` +
      `with the first snapshot of them ${snapshot.ms.toFixed(1)} ms (${snapshot.sockets} records); ` +
      `walk of /proc/PID/fd ${walk.ms.toFixed(1)} ms (${walk.sockets} sockets): ` +
      `${(walk.ms / scan.ms).toFixed(1)}x, ${(walk.ms / snapshot.ms).toFixed(1)}x with the snapshot`,
  );
}
