/**
 * What each rung of the eBPF source costs and sees, beside `tcplife` of libbpf-tools and programs that do nothing on the same
 * tracepoints, all in one run. Needs root. Eleven minutes; from the environment:
 *
 *   TOPOPROBE_BENCH_PAIRS          rounds in which each watches a churn between two that nobody watches (default 3)
 *   TOPOPROBE_BENCH_SECONDS        length of a churn (default 5)
 *   TOPOPROBE_BENCH_IDLE           idle connections (default 100,000)
 *   TOPOPROBE_BENCH_IDLE_SECONDS   length of each measurement without and with them (default 36)
 *   TOPOPROBE_BENCH_LIVE           live connections of a snapshot (default 10,000)
 */
import { RUNGS } from '../src/probe/records/coverage.js';
import { captureChurn } from './captured.js';
import { measureIdle } from './idle-cost.js';
import { printRungs, type Subject } from './rungs-table.js';
import { setting } from './setting.js';
import { startSink, type Sink } from './sink.js';
import { measureSnapshots } from './snapshot-cost.js';
import { watchInTurns } from './watched-churn.js';
import { doNothingWatcher, probeWatcher, tcplifeWatcher } from './watchers.js';

const ROUNDS = setting('TOPOPROBE_BENCH_PAIRS', 3);
const SECONDS = setting('TOPOPROBE_BENCH_SECONDS', 5);
const IDLE = setting('TOPOPROBE_BENCH_IDLE', 100_000);
const IDLE_SECONDS = setting('TOPOPROBE_BENCH_IDLE_SECONDS', 36);
const LIVE = setting('TOPOPROBE_BENCH_LIVE', 10_000);
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

async function measure(sink: Sink): Promise<void> {
  const rungs = RUNGS.map((rung) => probeWatcher(rung, sink.url, rung));
  const nothing = doNothingWatcher();
  const tcplife = tcplifeWatcher();
  const rivals = [nothing, tcplife].filter((watcher) => watcher !== undefined);
  if (nothing === undefined)
    console.log(
      'do nothing: not measured: build/attach or build/nothing.bpf.o is not there: clang and libbpf-dev build them',
    );
  if (tcplife === undefined) console.log('tcplife: not measured: install libbpf-tools');

  // Idle ones first, while few are in TIME_WAIT: an iterator over the sockets of a namespace goes through those, too.
  const snapshots = await measureSnapshots(RUNGS, LIVE);
  const idle = await measureIdle(rungs, IDLE, IDLE_SECONDS);
  const watchers = [...rivals, ...rungs];
  const { results, othersShare } = await watchInTurns(watchers, { rounds: ROUNDS, seconds: SECONDS });
  const captured: number[] = [];
  for (const rung of RUNGS) captured.push((await captureChurn(SECONDS, rung)).percent);

  const subjects = watchers.map((watcher, i): Subject => {
    const rung = i - rivals.length;
    return {
      name: watcher.name,
      isNothing: watcher === nothing,
      isPeer: watcher === tcplife,
      churns: results[i] ?? [],
      captured: captured[rung],
      snapshot: snapshots[rung],
      idle: idle[rung],
    };
  });
  printRungs(subjects, { rounds: ROUNDS, seconds: SECONDS, idle: IDLE, live: LIVE, othersShare });
}

if (process.getuid?.() !== 0) {
  console.log('rungs: needs root (eBPF programs are loaded); nothing was measured');
} else {
  // What has to be put back or ended is when the process exits, which a signal would not have it do.
  for (const [signal, code] of Object.entries(SIGNAL_EXIT_CODES))
    process.once(signal, () => process.exit(code));
  const sink = await startSink();
  try {
    await measure(sink);
  } finally {
    await sink.close();
  }
}
