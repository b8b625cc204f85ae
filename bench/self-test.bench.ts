/**
 * How much the probe sees, and at what cost, as the load grows: connections per second × captured % × CPU, up to the most
 * that this machine makes. Captured is what the probe itself reports of each step (the kernel's counters held against its
 * own), checked against what the load says it made. CPU is the probe's whole process above its own idle level, and, by
 * the kernel's account, its programs in the kernel. Needs root. TOPOPROBE_BENCH_SECONDS changes the length of a step.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { capturedPercent } from '../src/probe/completeness.js';
import { decodeReport } from '../src/report/index.js';
import { keepBpfAccount, runNanos } from './bpf-stats.js';
import { churn } from './churn-process.js';
import { spawnProbe } from './probe-process.js';
import { anonymousMib, cpuSeconds } from './process-usage.js';
import { setting } from './setting.js';
import { startSink, type Sink } from './sink.js';

const SECONDS = setting('TOPOPROBE_BENCH_SECONDS', 6);
const RATES = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000];
const WARM_UP_RATE = 4000;
/** Of what was asked for: below it the machine can't do more. */
const REACHED = 0.9;
const COLUMN = 12;

/** What the probe said of itself in its latest report. */
class LatestFacts {
  #facts: ReadonlyMap<string, string> = new Map();
  #reports = 0;
  /** Since the start: they are told per report. */
  lost = 0;
  other = 0;

  take(body: Buffer): void {
    const [host] = decodeReport(gunzipSync(body)).topologies.get('Host')?.nodes.values() ?? [];
    this.#facts = new Map(Array.from(host?.latest ?? [], ([key, { value }]) => [key, value]));
    this.lost += this.number('records_lost');
    this.other += this.number('other_connections');
    this.#reports++;
  }

  number(key: string): number {
    return Number(this.#facts.get(key) ?? 0);
  }

  /** Resolves when everything of before is in: the report after the one under way. */
  async settled(): Promise<void> {
    const enough = this.#reports + 2;
    while (this.#reports < enough) await sleep(50);
  }
}

/** @returns connections per second that were made */
async function step(rate: number, pid: number, idlePerSecond: number, facts: LatestFacts): Promise<number> {
  await facts.settled();
  const from = {
    at: performance.now(),
    cpu: cpuSeconds(pid),
    kernel: runNanos(pid),
    opened: facts.number('connections_opened'),
    missed: facts.number('connections_missed'),
    lost: facts.lost,
    other: facts.other,
  };
  const made = await churn(SECONDS, rate);
  await facts.settled();
  const cpu = cpuSeconds(pid) - from.cpu - (idlePerSecond * (performance.now() - from.at)) / 1000;
  const kernel = runNanos(pid) - from.kernel;
  const opened = facts.number('connections_opened') - from.opened;
  const missed = facts.number('connections_missed') - from.missed;
  const ends = made.connections * 2;
  const columns = [
    Number.isFinite(rate) ? rate : 'most',
    made.perSecond,
    // What the load made is among what was opened, or the probe's own account is wrong.
    opened >= ends ? capturedPercent({ opened, missed }) : `account short by ${ends - opened}`,
    missed,
    facts.lost - from.lost,
    facts.other - from.other,
    ((cpu / SECONDS) * 100).toFixed(1),
    ((cpu / made.connections) * 100_000).toFixed(2),
    (kernel / ends).toFixed(0),
    ((kernel / 1e9 / SECONDS) * 100).toFixed(1),
    anonymousMib(pid).toFixed(0),
  ];
  console.log(columns.map((column) => String(column).padStart(COLUMN)).join(''));
  return made.perSecond;
}

async function curve(sink: Sink, facts: LatestFacts): Promise<void> {
  const probe = spawnProbe(sink.url, '--metrics-listen', 'off');
  const exited = once(probe, 'exit');
  const pid = probe.pid ?? 0;
  const forgetAccount = keepBpfAccount();
  try {
    await Promise.race([facts.settled(), exited]);
    if (probe.exitCode !== null) throw new Error(`the probe ended with exit code ${probe.exitCode}`);
    await churn(SECONDS, WARM_UP_RATE); // a young process compiles its code: that is no idling
    await facts.settled();
    const idleFrom = cpuSeconds(pid);
    await sleep(SECONDS * 1000);
    const idlePerSecond = (cpuSeconds(pid) - idleFrom) / SECONDS;
    console.log(`idle: ${(idlePerSecond * 100).toFixed(1)} % of a core; steps of ${SECONDS} s`);
    const heading = [
      'asked/s',
      'made/s',
      'captured %',
      'missed',
      'lost',
      'other',
      'CPU %',
      's/100k',
      'ns/end',
    ];
    console.log([...heading, 'kernel %', 'anon. MiB'].map((name) => name.padStart(COLUMN)).join(''));
    for (const rate of RATES) {
      if ((await step(rate, pid, idlePerSecond, facts)) < rate * REACHED) break;
    }
    await step(Infinity, pid, idlePerSecond, facts);
  } finally {
    forgetAccount();
    probe.kill('SIGTERM');
    await exited;
  }
}

if (process.getuid?.() !== 0) {
  console.log('self-test: needs root (eBPF programs are loaded); nothing was measured');
} else {
  const facts = new LatestFacts();
  const sink = await startSink((body) => {
    facts.take(body);
  });
  await curve(sink, facts).finally(() => sink.close());
}
