/** How much of the highest churn one report holds. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Rung } from '../src/probe/records/coverage.js';
import { churn, type Churn } from './churn-process.js';
import { untilAttached } from './attached.js';

const TOPOPROBE = fileURLToPath(new URL('../../bin/topoprobe', import.meta.url));
/** The report lasts so much longer than the churn. */
const MARGIN_SECONDS = 4;
/** So that all connections of a churn have a record, though they are many more than come in a tick. */
const BOUND = '4000000';

export interface Captured {
  readonly churn: Churn;
  /** Connections of it that the report counts. */
  readonly counted: number;
  /** Endpoints that stand for them. */
  readonly endpoints: number;
  /** `counted` of all. */
  readonly percent: number;
}

interface Report {
  readonly Endpoint: {
    readonly nodes: Readonly<
      Record<
        string,
        { adjacency?: readonly string[] | null; latest?: Readonly<Record<string, { value: string }>> }
      >
    >;
  };
}

/** @param rung default: that of TOPOPROBE_RUNG, or the highest */
export async function captureChurn(seconds: number, rung?: Rung): Promise<Captured> {
  const duration = `${seconds + MARGIN_SECONDS}s`;
  const args = ['report', '--duration', duration, '--source', 'ebpf', '--log-level', 'warn'];
  const bounds = ['--max-connections', BOUND, '--max-connections-per-netns', BOUND];
  const child = spawn(TOPOPROBE, [...args, ...bounds, ...(rung ? ['--rung', rung] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const reported = text(child.stdout);
  await untilAttached('topoprobe report', child);
  const made = await churn(seconds);
  const report = JSON.parse(await reported) as Report;
  await exited;
  let counted = 0;
  let endpoints = 0;
  for (const { adjacency, latest } of Object.values(report.Endpoint.nodes)) {
    if (!adjacency?.some((to) => made.ports.some((port) => to.endsWith(`;${port}`)))) continue;
    counted += Number(latest?.['conn_count']?.value ?? 1);
    endpoints++;
  }
  return { churn: made, counted, endpoints, percent: (counted / made.connections) * 100 };
}
