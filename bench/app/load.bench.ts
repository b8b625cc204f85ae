/**
 * The app under a whole fleet: 100 probes × 2,000 endpoints every 3 s, while views are asked for. Prints the views'
 * latency, the app's CPU time per report and its memory. `node build/bench/app/load.bench.js [seconds] [probes] [endpoints]`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import { cpuSeconds, rssMib } from '../process-usage.js';
import { Fleet } from './fleet.js';

const PUBLISH_INTERVAL_MS = 3_000;
/** Different reports made per probe beforehand; sent in turn. */
const ROUNDS = 5;
/** Share of the connections that is new in each report. */
const CHURN = 0.1;
const VIEWS = ['processes', 'processes-by-name', 'hosts', 'containers', 'services'];

const agent = new Agent({ keepAlive: true });

function send(
  url: string,
  method: string,
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes }));
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

const [seconds = 20, probes = 100, endpoints = 2_000] = process.argv.slice(2).map(Number);
const fleet = new Fleet({
  hosts: probes,
  services: 50,
  podsPerService: Math.max(1, Math.round(probes / 5)),
  endpointsPerHost: endpoints,
  seed: 1,
});
const bodies: Buffer[][] = Array.from({ length: probes }, () => []);
let nodes = 0;
const start = Date.now();
for (let round = 0; round < ROUNDS; round++) {
  for (let host = 0; host < probes; host++) {
    const report = fleet.report(host, fromMillis(start + round * PUBLISH_INTERVAL_MS));
    if (round === 0) nodes += report.topologies.get('Endpoint')?.nodes.size ?? 0;
    bodies[host]!.push(gzipSync(encodeReport(report), { level: 1 }));
  }
  fleet.churn(CHURN);
}

const server = fork(fileURLToPath(new URL('./serve.js', import.meta.url)), {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
const [url] = (await once(server, 'message')) as [string];
const pid = server.pid!;
try {
  let running = true;
  let sent = 0;
  const latencies: number[] = [];
  const publishers = bodies.map(async (rounds, host) => {
    await sleep((host / probes) * PUBLISH_INTERVAL_MS);
    for (let round = 0; running; round++) {
      const began = performance.now();
      const { status } = await send(`${url}/api/report`, 'POST', rounds[round % ROUNDS], {
        'content-type': 'application/msgpack',
        'content-encoding': 'gzip',
        'x-scope-probe-id': `probe-${host}`,
      });
      if (status !== 200) throw new Error(`report answered ${status}`);
      sent++;
      await sleep(Math.max(0, PUBLISH_INTERVAL_MS - (performance.now() - began)));
    }
  });
  await sleep(2 * PUBLISH_INTERVAL_MS);
  const cpuBefore = cpuSeconds(pid);
  const sentBefore = sent;
  const began = performance.now();
  let bytes = 0;
  for (let index = 0; performance.now() - began < seconds * 1_000; index++) {
    const asked = performance.now();
    ({ bytes } = await send(`${url}/api/topology/${VIEWS[index % VIEWS.length]!}`, 'GET'));
    latencies.push(performance.now() - asked);
    await sleep(100);
  }
  const elapsed = (performance.now() - began) / 1_000;
  const cpu = cpuSeconds(pid) - cpuBefore;
  const reports = sent - sentBefore;
  running = false;
  await Promise.all(publishers);
  latencies.sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      probes,
      endpointsPerReport: Math.round(nodes / probes),
      reportsPerSecond: Math.round(reports / elapsed),
      viewRequests: latencies.length,
      viewMs: {
        p50: percentile(latencies, 0.5),
        p90: percentile(latencies, 0.9),
        p99: percentile(latencies, 0.99),
        max: latencies.at(-1),
      },
      lastViewBytes: bytes,
      cpuShare: cpu / elapsed,
      cpuMsPerReport: (cpu * 1_000) / reports,
      rssMib: rssMib(pid),
    }),
  );
} finally {
  server.kill();
  agent.destroy();
}
