/** What a fleet's probes send, made before anything is measured, and the plain HTTP to send it with. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import { Fleet } from './fleet.js';

export const PUBLISH_INTERVAL_MS = 3_000;
/** Different reports made per probe; sent in turn. */
const ROUNDS = 5;
/** Share of the connections that is new in each report. */
const CHURN = 0.1;

export interface FleetTraffic {
  /** By probe, then by round. */
  readonly bodies: readonly (readonly Buffer[])[];
  readonly endpointsPerReport: number;
}

/** @param pods processes of the whole fleet, about */
export function fleetTraffic(probes: number, endpoints: number, pods: number): FleetTraffic {
  const services = 50;
  const podsPerService = Math.max(1, Math.round(pods / services));
  const fleet = new Fleet({ hosts: probes, services, podsPerService, endpointsPerHost: endpoints, seed: 1 });
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
  return { bodies, endpointsPerReport: Math.round(nodes / probes) };
}

export function bodyOf({ bodies }: FleetTraffic, probe: number, round: number): Buffer {
  const rounds = bodies[probe % bodies.length]!;
  return rounds[round % rounds.length]!;
}

const agent = new Agent({ keepAlive: true });

/** Ends idle connections, so that the program can. */
export function hangUp(): void {
  agent.destroy();
}

export interface Reply {
  readonly status: number;
  readonly bytes: number;
}

export function ask(
  url: string,
  method = 'GET',
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<Reply> {
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

/** @throws Error when the body is not taken in */
export async function publish(url: string, probe: number, body: Buffer, path = '/api/report'): Promise<void> {
  const { status } = await ask(`${url}${path}`, 'POST', body, {
    'content-type': 'application/msgpack',
    'content-encoding': 'gzip',
    'x-scope-probe-id': `probe-${probe}`,
  });
  if (status !== 200) throw new Error(`${path} was answered ${status}`);
}

/** Views that people look at in turn. */
export const VIEWS: readonly string[] = ['processes', 'processes-by-name', 'hosts', 'containers', 'services'];
const PAUSE_MS = 50;

/** Milliseconds that an app takes for a view. */
export async function timeView(url: string, view: string): Promise<number> {
  const asked = performance.now();
  await ask(`${url}/api/topology/${view}`);
  return performance.now() - asked;
}

/** Asks for the views in turn, about every 50 ms. @returns what each answer took, milliseconds */
export async function lookAtViews(url: string, seconds: number): Promise<number[]> {
  const latencies: number[] = [];
  const began = performance.now();
  for (let index = 0; performance.now() - began < seconds * 1_000; index++) {
    latencies.push(await timeView(url, VIEWS[index % VIEWS.length]!));
    await sleep(PAUSE_MS);
  }
  return latencies;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
