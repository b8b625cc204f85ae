/** What the tests of publishing have in common: reports with known counts, a publisher in a hurry, and waiting. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import pino from 'pino';
import { createPublisher, type Publisher, type PublisherOptions } from '../../src/probe/publish/index.js';
import { endpointNodeId, fromMillis } from '../../src/report/index.js';
import type { Latest, Node, Report } from '../../src/report/model/model.js';

const GIVE_UP_MS = 60_000;

/** Waits for a condition, however slow the machine is. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`it never came to this: ${what}`);
    await sleep(5);
  }
}

export interface TestPublisher extends Publisher {
  /** Messages logged so far, at any level. */
  readonly messages: readonly string[];
  /** Everything logged, fields included. */
  readonly log: readonly string[];
}

/** Retries within milliseconds, asks for identities and addresses often. Ended with the test. */
export function publisherFor(
  t: TestContext,
  targets: readonly URL[],
  options: Partial<PublisherOptions> = {},
): TestPublisher {
  const log: string[] = [];
  const messages: string[] = [];
  const sink = {
    write(line: string) {
      log.push(line);
      messages.push((JSON.parse(line) as { msg: string }).msg);
    },
  };
  const publisher = createPublisher({
    targets,
    probeId: 'c0ffee',
    version: '1.2.3',
    log: pino({ level: 'trace' }, sink),
    backoff: { firstMs: 5, maxMs: 20, awayMaxMs: 20 },
    identityMs: 20,
    lookupIntervalMs: 10,
    closeGraceMs: 30_000,
    ...options,
  });
  t.after(() => publisher.close());
  return Object.assign(publisher, { messages, log });
}

let reportsMade = 0;

/** A report of one client endpoint for each of `counts` connections, all new, towards one server. */
export function reportOf(counts: readonly number[], firstPort = 40_000): Report {
  const timestamp = fromMillis(1_700_000_000_000 + reportsMade * 3000);
  const server = endpointNodeId('', '192.0.2.1', 443);
  const nodes = new Map<string, Node>([[server, { id: server, topology: 'endpoint' }]]);
  for (const [i, count] of counts.entries()) {
    const id = endpointNodeId('', '10.0.0.1', firstPort + i);
    const latest = new Map<string, Latest>();
    if (count !== 1) latest.set('conn_count', { timestamp, value: String(count) });
    nodes.set(id, { id, topology: 'endpoint', latest, adjacency: [server] });
  }
  return {
    id: String(++reportsMade),
    timestamp,
    topologies: new Map([['Endpoint', { nodes }]]),
    dns: new Map(),
    windowNanos: 3e9,
  };
}

/** Connections that are new in a report, as its reader counts them. */
export function newConnections(report: Report): number {
  let sum = 0;
  for (const { adjacency, latest } of report.topologies.get('Endpoint')?.nodes.values() ?? []) {
    if (!adjacency?.length) continue;
    sum += Number(latest?.get('conn_new')?.value ?? latest?.get('conn_count')?.value ?? 1);
  }
  return sum;
}

export function totalOf(reports: readonly Report[]): number {
  return reports.reduce((sum, report) => sum + newConnections(report), 0);
}
