/**
 * What a tick of the probe costs where very many connections are idle and a few are opened: processor time of the tracker's
 * snapshot and of what the pipeline makes of it, when only changes are handed over and when everything is. The scans of
 * live sockets, which are bounded by time, are left out as far as can be. Needs root.
 * Arguments: connections held (default 100,000, two sockets each), opened between two ticks (default 50).
 */
import pino from 'pino';
import { loadTracker } from 'ebpf-bridge/ebpf';
import { ProbeState } from '../src/probe/flows/probe-state.js';
import { Pipeline } from '../src/probe/pipeline.js';
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../src/probe/records/source.js';
import { holdConnections } from './held-connections.js';
import { median } from './median.js';

const HELD = Number(process.argv[2] ?? 100_000);
const OPENED = Number(process.argv[3] ?? 50);
const ROUNDS = 15;

interface TickCost {
  readonly native: number[];
  readonly script: number[];
  readonly records: number[];
}

/** Milliseconds of all threads of this process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A tracker without anything around it, whose snapshots' cost is noted. */
class MeasuredSource implements ConnectionSource {
  readonly kind = 'ebpf';
  tookMs = 0;
  changesOnly = true;

  constructor(private readonly tracker: Awaited<ReturnType<typeof loadTracker>>) {}

  async snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    const changesOnly = this.changesOnly && request.changesOnly === true;
    const before = cpuMs();
    const snapshot = await this.tracker.snapshot({ mayDeferScan: true, changesOnly });
    this.tookMs = cpuMs() - before;
    return { ...snapshot, listenersListed: true };
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return this.tracker.close();
  }
}

async function measure(pipeline: Pipeline, source: MeasuredSource, changesOnly: boolean): Promise<TickCost> {
  const cost: TickCost = { native: [], script: [], records: [] };
  source.changesOnly = changesOnly;
  for (let round = 0; round < ROUNDS; round++) {
    const opened = await holdConnections(OPENED, 1);
    const before = cpuMs();
    const { records } = await pipeline.next();
    const tookMs = cpuMs() - before;
    cost.native.push(source.tookMs);
    cost.script.push(tookMs - source.tookMs);
    cost.records.push(records);
    await opened.release();
    await pipeline.next();
  }
  return cost;
}

if (process.getuid?.() !== 0) {
  console.log('tick: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const tracker = await loadTracker({ scanShare: 1 / 200, cheapScanNanos: 0 });
  const source = new MeasuredSource(tracker);
  const state = new ProbeState({
    probeId: 'bench',
    hostName: 'bench',
    intervalMs: 1000,
    processes: { startTicksOf: () => undefined, formerName: (_pid, _start, comm) => comm },
    names: () => undefined,
  });
  const log = pino({ level: 'silent' });
  const pipeline = new Pipeline({ hostName: 'bench', source, reporters: [], state, log });
  const held = await holdConnections(HELD);
  await tracker.sweepAdopt();
  await tracker.snapshot(); // scans all, so that no later scan has news of these
  await pipeline.next();
  await pipeline.next();
  for (const [what, changesOnly] of [
    ['changes', true],
    ['everything', false],
  ] as const) {
    const { native, script, records } = await measure(pipeline, source, changesOnly);
    console.log(
      `${what}, ${held.sockets} live sockets and ${OPENED} connections opened: ${median(records)} records, ` +
        `tracker ${median(native).toFixed(2)} ms, pipeline ${median(script).toFixed(2)} ms`,
    );
  }
  await held.release();
  await source.close();
}
