/**
 * What the tracker costs in the kernel, by the kernel's own account (kernel.bpf_stats_enabled): run time per program and
 * per socket end over a churn of short connections. Needs root.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadTracker } from 'ebpf-bridge';
import { bpfPrograms, EVENT_PROGRAMS, keepBpfAccount } from './bpf-stats.js';

const SECONDS = Number(process.env['TOPOPROBE_BENCH_SECONDS'] ?? 4);
const SNAPSHOT_MS = 1000;
const CHURN = fileURLToPath(new URL('../churn', import.meta.url));

if (process.getuid?.() !== 0) {
  console.log('kernel time: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const others = new Set(bpfPrograms().map(({ id }) => id));
  const tracker = await loadTracker();
  const forgetAccount = keepBpfAccount();
  const timer = setInterval(() => void tracker.snapshot(), SNAPSHOT_MS);
  try {
    const { stdout } = await promisify(execFile)(CHURN, ['-s', String(SECONDS), '-c', '2']);
    const { connections } = JSON.parse(stdout) as { connections: number };
    const ends = connections * 2;
    let total = 0;
    const ours = bpfPrograms().filter(({ id }) => !others.has(id));
    for (const name of EVENT_PROGRAMS) {
      const program = ours.find((each) => each.name === name);
      const { run_time_ns: nanos = 0, run_cnt: runs = 0 } = program ?? {};
      total += nanos;
      console.log(
        `${name.padEnd(14)} ${(nanos / ends).toFixed(0)} ns per socket end: ${(runs / ends).toFixed(2)} runs of ${(nanos / runs).toFixed(0)} ns`,
      );
    }
    console.log(`together       ${(total / ends).toFixed(0)} ns per socket end (${ends} ends)`);
  } finally {
    clearInterval(timer);
    forgetAccount();
    await tracker.close();
  }
}
