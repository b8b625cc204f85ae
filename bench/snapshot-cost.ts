/** How long a snapshot of the tracker takes on each rung, side by side, with many idle connections. */
import { loadTracker, type Tracker } from 'ebpf-bridge/ebpf';
import type { Rung } from '../src/probe/records/coverage.js';
import { WITHOUT } from '../src/probe/connections/ebpf/rungs.js';
import { holdConnections } from './held-connections.js';
import { median } from './median.js';

const ROUNDS = 25;

export interface SnapshotCost {
  /** Median milliseconds of one that scans all live sockets and has all of them. */
  readonly wholeMs: number;
  /** Of one that has what changed, and may defer the scan: what the probe takes at each tick. */
  readonly deferredMs: number;
}

interface Subject {
  readonly tracker: Tracker;
  readonly whole: number[];
  readonly deferred: number[];
}

/** Costs for each rung, in their order. The connections are opened when the trackers watch: all of them know all. */
export async function measureSnapshots(rungs: readonly Rung[], connections: number): Promise<SnapshotCost[]> {
  const subjects: Subject[] = [];
  try {
    for (const rung of rungs) {
      const tracker = await loadTracker({ without: WITHOUT[rung] });
      subjects.push({ tracker, whole: [], deferred: [] });
      await tracker.sweepAdopt();
    }
    const held = await holdConnections(connections);
    try {
      await takeInTurns(subjects, held.sockets);
    } finally {
      await held.release();
    }
  } finally {
    for (const { tracker } of subjects) await tracker.close();
  }
  return subjects.map(({ whole, deferred }) => ({ wholeMs: median(whole), deferredMs: median(deferred) }));
}

async function takeInTurns(subjects: readonly Subject[], sockets: number): Promise<void> {
  for (const subject of subjects) {
    await take(subject, false); // reports the new ones
    const { live } = await subject.tracker.counters();
    if (live < sockets) throw new Error(`the tracker knows ${live} of at least ${sockets} live sockets`);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) {
      subject.whole.push(await take(subject, false));
      subject.deferred.push(await take(subject, true));
    }
  }
}

/** Milliseconds. */
async function take(subject: Subject, mayDeferScan: boolean): Promise<number> {
  const from = performance.now();
  await subject.tracker.snapshot({ mayDeferScan, changesOnly: mayDeferScan });
  return performance.now() - from;
}
