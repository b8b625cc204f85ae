/**
 * What watching costs and how much it sees: churn of short connections with the probe on and off in interleaved pairs,
 * and beside it, in the same run, `tcplife` of libbpf-tools where it is installed.
 *
 * Prints: captured %, slowdown of the churn (median of pairs), CPU of the watcher per 100,000 connections above its own
 * idle level, resident memory. A watcher runs for months: each is measured after it has watched churn for a while, so that
 * what its start costs (in which Node compiles) is not counted. Needs root. TOPOPROBE_BENCH_PAIRS and TOPOPROBE_BENCH_SECONDS change the length.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cpuSeconds, rssMib } from './process-usage.js';
import { spawnProbe } from './probe-process.js';
import { startSink } from './sink.js';

const PAIRS = Number(process.env['TOPOPROBE_BENCH_PAIRS'] ?? 5);
const SECONDS = Number(process.env['TOPOPROBE_BENCH_SECONDS'] ?? 6);
const CLIENTS = 2;
const SETTLE_MS = 3000;
const WARM_UP_SECONDS = 12;
const TCPLIFE = '/usr/sbin/tcplife';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const CHURN = path('../churn');
const TOPOPROBE = path('../../bin/topoprobe');

interface ChurnResult {
  readonly pid: number;
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
}

interface Watcher {
  readonly name: string;
  start(): ChildProcess;
}

async function churn(seconds: number): Promise<ChurnResult> {
  const { stdout } = await promisify(execFile)(CHURN, ['-s', String(seconds), '-c', String(CLIENTS)]);
  return JSON.parse(stdout) as ChurnResult;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Watches churn of `SECONDS` in pairs (with, without). */
async function measure(watcher: Watcher): Promise<void> {
  const ratios: number[] = [];
  const cpuPer100k: number[] = [];
  let rss = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const without = await churn(SECONDS);
    const child = watcher.start();
    const pid = child.pid ?? 0;
    await sleep(SETTLE_MS);
    if (child.exitCode !== null) {
      console.log(
        `${watcher.name.padEnd(10)} not measured: it ended at once with exit code ${child.exitCode}`,
      );
      return;
    }
    await churn(WARM_UP_SECONDS);
    await sleep(SETTLE_MS);
    const idleFrom = cpuSeconds(pid);
    await sleep(SECONDS * 1000);
    const idle = cpuSeconds(pid) - idleFrom;
    const busyFrom = cpuSeconds(pid);
    const watched = await churn(SECONDS);
    const busy = cpuSeconds(pid) - busyFrom - idle;
    rss = Math.max(rss, rssMib(pid));
    await end(child);
    ratios.push(watched.perSecond / without.perSecond);
    cpuPer100k.push((busy / watched.connections) * 100_000);
  }
  const slowdown = (1 - median(ratios)) * 100;
  console.log(
    `${watcher.name.padEnd(10)} churn slowed by ${slowdown.toFixed(1)} % (median of ${PAIRS} pairs: ` +
      `${ratios.map((ratio) => ((1 - ratio) * 100).toFixed(1)).join(', ')}); ` +
      `CPU ${median(cpuPer100k).toFixed(2)} s per 100,000 connections; RSS ${rss.toFixed(0)} MiB`,
  );
}

/** One report over one churn: what share of the truth it holds. */
async function captured(): Promise<void> {
  const seconds = SECONDS + 2;
  const reporting = promisify(execFile)(
    process.execPath,
    [TOPOPROBE, 'report', '--duration', `${seconds + 2}s`, '--source', 'ebpf'],
    { maxBuffer: 1 << 28 },
  );
  await sleep(1500);
  const truth = await churn(SECONDS);
  const report = JSON.parse((await reporting).stdout) as {
    Endpoint: {
      nodes: Record<string, { adjacency?: string[] | null; latest?: Record<string, { value: string }> }>;
    };
  };
  let counted = 0;
  let kept = 0;
  for (const node of Object.values(report.Endpoint.nodes)) {
    if (!node.adjacency?.some((to) => to.endsWith(`;${truth.port}`))) continue;
    counted += Number(node.latest?.['conn_count']?.value ?? 1);
    kept++;
  }
  console.log(
    `captured   ${((counted / truth.connections) * 100).toFixed(3)} % (${counted} of ${truth.connections} connections ` +
      `at ${truth.perSecond}/s, in ${kept} endpoints)`,
  );
}

if (process.getuid?.() !== 0) {
  console.log('capture: needs root (eBPF programs are loaded); nothing was measured');
} else {
  execFileSync(CHURN, ['-n', '1000']); // warm-up
  await captured();
  const sink = await startSink();
  await measure({
    name: 'topoprobe',
    start: () => spawnProbe(sink.url),
  });
  await sink.close();
  if (existsSync(TCPLIFE)) {
    await measure({
      name: 'tcplife',
      // It looks its tracepoint up in tracefs, which need not be mounted: mounted here for it alone.
      start: () =>
        spawn(
          'unshare',
          ['--mount', 'sh', '-c', `mount -t tracefs tracefs /sys/kernel/tracing; exec ${TCPLIFE}`],
          { stdio: 'ignore' },
        ),
    });
  } else {
    console.log('tcplife    not measured: install libbpf-tools');
  }
}
