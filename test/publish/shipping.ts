/** What the tests of delivery have in common: a publisher in a hurry, its table, and waiting. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import pino from 'pino';
import { createPublisher, type Publisher, type PublisherOptions } from '../../src/probe/publish/index.js';
import type { Report } from '../../src/report/model/model.js';
import { OpenedConnections } from './opened-connections.js';

const GIVE_UP_MS = 60_000;
const PROBE_ID = 'c0ffee';

/** Waits for a condition, however slow the machine is. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`it never came to this: ${what}`);
    await sleep(5);
  }
}

export interface TestPublisher extends Publisher {
  /** What it delivers from. */
  readonly table: OpenedConnections;
  /** A new state: so many more connections of the first flow, of the second … */
  publish(counts: readonly number[]): void;
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
  const table = new OpenedConnections(PROBE_ID);
  const publisher = createPublisher({
    source: table,
    targets,
    probeId: PROBE_ID,
    version: '1.2.3',
    log: pino({ level: 'trace' }, sink),
    backoff: { firstMs: 5, maxMs: 20, awayMaxMs: 20 },
    identityMs: 20,
    lookupIntervalMs: 10,
    closeGraceMs: 30_000,
    ...options,
  });
  t.after(() => publisher.close());
  const publish = (counts: readonly number[]): void => {
    table.open(counts);
    publisher.notify();
  };
  return Object.assign(publisher, { table, publish, messages, log });
}

/** Connections in reports of which each is about other ones. */
export function totalOf(reports: readonly Report[]): number {
  let sum = 0;
  for (const { topologies } of reports)
    for (const { adjacency, latest } of topologies.get('Endpoint')?.nodes.values() ?? [])
      if (adjacency !== undefined) sum += Number(latest?.get('conn_count')?.value ?? 1);
  return sum;
}
