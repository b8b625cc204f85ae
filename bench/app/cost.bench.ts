/**
 * What a fleet costs the app: CPU time per interval of a probe, bytes, memory and the latency of views, with statements and
 * with reports of the same fleet; beside an older version's app where TOPOPROBE_BEFORE names its checkout.
 * `node build/bench/app/cost.bench.js [seconds] [probes] [endpoints]`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeStatement } from '../../src/flows/wire/index.js';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import { MachineStatements } from '../flows/fleet-statements.js';
import { anonymousMib, cpuSeconds, residentMib } from '../process-usage.js';
import { Fleet } from './fleet.js';
import { startBefore, startOurs, type Subject } from './subject.js';
import {
  hangUp,
  lookAtViews,
  percentile,
  publish,
  PUBLISH_INTERVAL_MS,
  rounded,
  timeView,
  VIEWS,
} from './traffic.js';

/** Share of the connections that is new in each interval. */
const SHARES = [0.02, 0.1];
const WARM_INTERVALS = 2;

const [seconds = 20, probes = 100, endpoints = 1_353] = process.argv.slice(2).map(Number);

/** By probe, then by interval. */
type Bodies = readonly (readonly Buffer[])[];

interface Traffic {
  readonly reports: Bodies;
  readonly statements: Bodies;
}

function trafficOf(share: number, intervals: number): Traffic {
  const fleet = new Fleet({
    ...{ hosts: probes, services: 50, podsPerService: 20, seed: 1 },
    endpointsPerHost: endpoints,
  });
  const machines = Array.from({ length: probes }, (_, i) => new MachineStatements(`probe-${i}`));
  const reports: Buffer[][] = machines.map(() => []);
  const statements: Buffer[][] = machines.map(() => []);
  const start = Date.now();
  for (let interval = 0; interval < intervals; interval++) {
    machines.forEach((machine, host) => {
      const report = fleet.report(host, fromMillis(start + interval * PUBLISH_INTERVAL_MS));
      reports[host]!.push(gzipSync(encodeReport(report), { level: 1 }));
      statements[host]!.push(gzipSync(encodeStatement(machine.next(report)), { level: 1 }));
    });
    fleet.churn(share);
  }
  return { reports, statements };
}

interface Cost {
  /** CPU milliseconds per body while nobody looks, and while somebody asks for a view about every 50 ms. */
  readonly idleMs: number;
  readonly lookedAtMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly residentMib: number;
  readonly anonymousMib: number;
}

/** Sends each probe's bodies in turn, one an interval, until the last or `hasEnded`. */
function publishAll(url: string, path: string, bodies: Bodies, state: { sent: number; hasEnded: boolean }) {
  return bodies.map(async (ofProbe, probe) => {
    const began = performance.now() + (probe / bodies.length) * PUBLISH_INTERVAL_MS;
    for (const [interval, body] of ofProbe.entries()) {
      await sleep(Math.max(0, began + interval * PUBLISH_INTERVAL_MS - performance.now()));
      if (state.hasEnded) return;
      await publish(url, probe, body, path);
      state.sent++;
    }
  });
}

async function measure({ url, pid }: Subject, path: string, bodies: Bodies): Promise<Cost> {
  const state = { sent: 0, hasEnded: false };
  const publishers = publishAll(url, path, bodies, state);
  const perBody = async (work: () => Promise<unknown>): Promise<number> => {
    const before = { cpu: cpuSeconds(pid), sent: state.sent };
    await work();
    return ((cpuSeconds(pid) - before.cpu) * 1_000) / (state.sent - before.sent);
  };
  await sleep(WARM_INTERVALS * PUBLISH_INTERVAL_MS);
  const idleMs = await perBody(() => sleep(seconds * 1_000));
  // The first time that anyone asks for a view it is made from nothing.
  for (const view of VIEWS) await timeView(url, view);
  let latencies: readonly number[] = [];
  const lookedAtMs = await perBody(async () => {
    latencies = await lookAtViews(url, seconds);
  });
  const memory = { residentMib: residentMib(pid), anonymousMib: anonymousMib(pid) };
  state.hasEnded = true;
  await Promise.all(publishers);
  return { idleMs, lookedAtMs, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), ...memory };
}

const print = (name: string, { idleMs, lookedAtMs, p50, p99, ...memory }: Cost, baseline: Cost): void =>
  console.log(
    [
      name.padEnd(22),
      `CPU per interval ${idleMs.toFixed(2)} ms (x ${rounded(idleMs / baseline.idleMs)})`,
      `looked at ${lookedAtMs.toFixed(2)} ms (x ${rounded(lookedAtMs / baseline.lookedAtMs)})`,
      `views p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`,
      `resident ${memory.residentMib.toFixed(0)}, anonymous ${memory.anonymousMib.toFixed(0)} MiB`,
    ].join('  '),
  );

const bytesPerInterval = (bodies: Bodies): number => {
  const later = bodies.flatMap((ofProbe) => ofProbe.slice(1));
  return later.reduce((sum, { length }) => sum + length, 0) / later.length;
};

const intervals = WARM_INTERVALS + Math.ceil((2 * seconds * 1_000) / PUBLISH_INTERVAL_MS) + 3;
for (const share of SHARES) {
  const { reports, statements } = trafficOf(share, intervals);
  const bytes = [reports, statements].map(bytesPerInterval) as [number, number];
  console.log(
    `\n${probes} probes × ${endpoints} endpoints every ${PUBLISH_INTERVAL_MS / 1_000} s, ${share * 100} % new: a report has ${bytes[0].toFixed(0)} bytes, a statement ${bytes[1].toFixed(0)} (x ${(bytes[1] / bytes[0]).toFixed(3)})`,
  );
  let baseline: Cost | undefined;
  const runs = [
    { name: 'before, reports', start: startBefore, path: '/api/report', bodies: reports },
    { name: 'reports', start: startOurs, path: '/api/report', bodies: reports },
    { name: 'statements', start: startOurs, path: '/api/flows', bodies: statements },
  ];
  for (const { name, start, path, bodies } of runs) {
    const subject = await start();
    if (subject === undefined) {
      console.log(`${name}: skipped (name a built checkout in TOPOPROBE_BEFORE)`);
      continue;
    }
    try {
      const cost = await measure(subject, path, bodies);
      print(name, cost, (baseline ??= cost));
    } finally {
      await subject.stop();
    }
  }
}
hangUp();
