/** How long a snapshot of the tracker takes on each rung, side by side, with many idle connections. */
import { loadTracker, type Tracker } from 'ebpf-bridge/ebpf';
import type { Rung } from '../src/probe/records/coverage.js';
import { WITHOUT } from '../src/probe/connections/ebpf/rungs.js';
import { holdConnections } from './held-connections.js';
import { median } from './median.js';

const ROUNDS = 25;

export interface SnapshotCost {
  /** Median milliseconds of one that visits all live sockets and has all of them. */
  readonly wholeMs: number;
  /** Of one that has what changed, and whose visits may be spread over several: what the probe takes at each tick. */
  readonly thriftyMs: number;
}

interface Subject {
  readonly tracker: Tracker;
  readonly whole: number[];
  readonly thrifty: number[];
}

/** Costs for each rung, in their order. The connections are opened when the trackers watch: all of them know all. */
export async function measureSnapshots(rungs: readonly Rung[], connections: number): Promise<SnapshotCost[]> {
  const subjects: Subject[] = [];
  try {
    for (const rung of rungs) {
      const tracker = await loadTracker({ without: WITHOUT[rung] });
      subjects.push({ tracker, whole: [], thrifty: [] });
      await tracker.confirmHolders();
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
  return subjects.map(({ whole, thrifty }) => ({ wholeMs: median(whole), thriftyMs: median(thrifty) }));
}

async function takeInTurns(subjects: readonly Subject[], sockets: number): Promise<void> {
  for (const subject of subjects) {
    await take(subject, false); // tells of the new ones
    const { live } = await subject.tracker.counters();
    if (live < sockets) throw new Error(`the tracker knows ${live} of at least ${sockets} live sockets`);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of subjects) {
      subject.whole.push(await take(subject, false));
      subject.thrifty.push(await take(subject, true));
    }
  }
}

/** Milliseconds. */
async function take(subject: Subject, thrifty: boolean): Promise<number> {
  const from = performance.now();
  await subject.tracker.snapshot({ thrifty, changesOnly: thrifty });
  return performance.now() - from;
}
