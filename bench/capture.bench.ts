/**
 * What watching costs and how much it sees: churn of short connections with the probe on and off in turns, and beside it,
 * in the same run, `tcplife` of libbpf-tools where it is installed.
 *
 * Prints: captured %, slowdown of the churn (median of pairs), CPU of the watcher per 100,000 connections above its own
 * idle level, resident memory. Needs root. TOPOPROBE_BENCH_PAIRS and TOPOPROBE_BENCH_SECONDS change the length,
 * TOPOPROBE_RUNG is the rung that the probe stands on.
 */
import { captureChurn } from './captured.js';
import { median } from './median.js';
import { setting } from './setting.js';
import { startSink } from './sink.js';
import { watchInTurns, type WatchedChurn } from './watched-churn.js';
import { probeWatcher, tcplifeWatcher } from './watchers.js';

const PAIRS = setting('TOPOPROBE_BENCH_PAIRS', 5);
const SECONDS = setting('TOPOPROBE_BENCH_SECONDS', 6);

/** One report over one churn: what share of the truth it holds. */
async function tellCaptured(): Promise<void> {
  const { churn, counted, endpoints, percent } = await captureChurn(SECONDS);
  console.log(
    `captured   ${percent.toFixed(3)} % (${counted} of ${churn.connections} connections ` +
      `at ${churn.perSecond}/s, in ${endpoints} endpoints)`,
  );
}

function tell(name: string, churns: readonly WatchedChurn[]): void {
  const slowdowns = churns.map(({ slowedBy }) => slowedBy * 100);
  const anonymous = Math.max(...churns.map(({ anonymousMib }) => anonymousMib));
  console.log(
    `${name.padEnd(10)} churn slowed by ${median(slowdowns).toFixed(1)} % (median of ${PAIRS} pairs: ` +
      `${slowdowns.map((slowdown) => slowdown.toFixed(1)).join(', ')}); ` +
      `CPU ${median(churns.map(({ cpuPer100k }) => cpuPer100k)).toFixed(2)} s per 100,000 connections; ${anonymous.toFixed(0)} MiB of anonymous memory`,
  );
}

if (process.getuid?.() !== 0) {
  console.log('capture: needs root (eBPF programs are loaded); nothing was measured');
} else {
  await tellCaptured();
  const sink = await startSink();
  try {
    const tcplife = tcplifeWatcher();
    const watchers = [probeWatcher('topoprobe', sink.url), ...(tcplife ? [tcplife] : [])];
    const { results } = await watchInTurns(watchers, { rounds: PAIRS, seconds: SECONDS });
    for (const [i, { name }] of watchers.entries()) tell(name, results[i] ?? []);
    if (tcplife === undefined) console.log('tcplife    not measured: install libbpf-tools');
  } finally {
    await sink.close();
  }
}
