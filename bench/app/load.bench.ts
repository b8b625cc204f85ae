/**
 * An app under a whole fleet: 100 probes × 2,000 endpoints every 3 s, while people ask for views. Prints the views'
 * latency, CPU time per report, and memory; beside Scope's app where TOPOPROBE_SCOPE names its binary.
 * `node build/bench/app/load.bench.js [seconds] [probes] [endpoints]`
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { anonymousMib, cpuSeconds } from '../process-usage.js';
import { measureApps, type Subject } from './subject.js';
import {
  bodyOf,
  fleetTraffic,
  hangUp,
  lookAtViews,
  percentile,
  PUBLISH_INTERVAL_MS,
  publish,
  rounded,
  timeView,
  VIEWS,
} from './traffic.js';

const [seconds = 20, probes = 100, endpoints = 2_000] = process.argv.slice(2).map(Number);
const traffic = fleetTraffic(probes, endpoints, 1_000);

async function measure({ name, url, pid }: Subject): Promise<void> {
  let isRunning = true;
  let sent = 0;
  const publishers = traffic.bodies.map(async (_rounds, probe) => {
    await sleep((probe / probes) * PUBLISH_INTERVAL_MS);
    for (let round = 0; isRunning; round++) {
      const began = performance.now();
      await publish(url, probe, bodyOf(traffic, probe, round));
      sent++;
      await sleep(Math.max(0, PUBLISH_INTERVAL_MS - (performance.now() - began)));
    }
  });
  // The first time that anyone asks for a view it is made from nothing: told apart.
  await sleep(2 * PUBLISH_INTERVAL_MS);
  const firstMs: number[] = [];
  for (const view of VIEWS) firstMs.push(await timeView(url, view));
  const cpuBefore = cpuSeconds(pid);
  const sentBefore = sent;
  const began = performance.now();
  const latencies = await lookAtViews(url, seconds);
  const elapsed = (performance.now() - began) / 1_000;
  const cpu = cpuSeconds(pid) - cpuBefore;
  const reports = sent - sentBefore;
  isRunning = false;
  await Promise.all(publishers);
  console.log(
    JSON.stringify({
      app: name,
      probes,
      endpointsPerReport: traffic.endpointsPerReport,
      reportsPerSecond: rounded(reports / elapsed),
      views: latencies.length,
      viewMs: {
        p50: rounded(percentile(latencies, 0.5)),
        p90: rounded(percentile(latencies, 0.9)),
        p99: rounded(percentile(latencies, 0.99)),
        max: rounded(Math.max(...latencies)),
        firstMax: rounded(Math.max(...firstMs)),
      },
      cpuShare: rounded(cpu / elapsed),
      reportsPerCpuSecond: rounded(reports / cpu),
      anonymousMib: Math.round(anonymousMib(pid)),
      machineLoad: rounded(loadavg()[0] ?? NaN),
    }),
  );
}

await measureApps(measure);
hangUp();
