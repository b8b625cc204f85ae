/**
 * What the tracker costs in the kernel, by the kernel's own account (kernel.bpf_stats_enabled): run time per program and
 * per socket end over a churn of short connections. Needs root. TOPOPROBE_RUNG is the rung it stands on (default: files),
 * TOPOPROBE_BENCH_SECONDS the length of the churn.
 */
import { loadTracker } from 'ebpf-bridge/ebpf';
import { RUNGS } from '../src/probe/records/coverage.js';
import { WITHOUT } from '../src/probe/connections/ebpf/rungs.js';
import { eventPrograms, keepBpfAccount } from './bpf-stats.js';
import { churn } from './churn-process.js';
import { setting } from './setting.js';

const SECONDS = setting('TOPOPROBE_BENCH_SECONDS', 4);
const RUNG = RUNGS.find((rung) => rung === process.env['TOPOPROBE_RUNG']) ?? 'files';
const SNAPSHOT_MS = 1000;

if (process.getuid?.() !== 0) {
  console.log('kernel time: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const tracker = await loadTracker({ without: WITHOUT[RUNG] });
  const forgetAccount = keepBpfAccount();
  const timer = setInterval(() => void tracker.snapshot(), SNAPSHOT_MS);
  try {
    const before = new Map(eventPrograms(process.pid).map((program) => [program.tracepoint, program]));
    const ends = (await churn(SECONDS)).connections * 2;
    let total = 0;
    for (const { tracepoint, ...after } of eventPrograms(process.pid)) {
      const nanos = after.runNanos - (before.get(tracepoint)?.runNanos ?? 0);
      const runs = after.runs - (before.get(tracepoint)?.runs ?? 0);
      total += nanos;
      console.log(
        `${tracepoint.padEnd(22)} ${(nanos / ends).toFixed(0)} ns per socket end: ${(runs / ends).toFixed(2)} runs of ${(nanos / runs).toFixed(0)} ns`,
      );
    }
    console.log(
      `together on rung ${RUNG.padEnd(8)} ${(total / ends).toFixed(0)} ns per socket end (${ends} ends)`,
    );
  } finally {
    clearInterval(timer);
    forgetAccount();
    await tracker.close();
  }
}
