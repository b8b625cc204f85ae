/** Thousands of new addresses in one report: questions keep to their rate, ticks do not wait, names come later. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import type { ReverseResolver } from '../../src/probe/dns/index.js';
import { Probe } from '../../src/probe/probe.js';
import type { Report } from '../../src/report/model/model.js';
import { encode, type Socket } from '../probe-flows/records.js';
import { WatchedSource } from '../support/watched-source.js';
import { resolverFor } from './resolver.js';
import { ptr, startScriptedServer, type Asked } from './scripted-server.js';

const ADDRESSES = 10_000;
/** So many names are waited for; to wait for all would only take longer. */
const NAMED = 1500;
const RATE = 1000;
const addressOf = (i: number): string => `203.${i >> 8}.${i & 255}.1`;

/** This host is connected to each of the addresses, all the time; its own address is one that nobody is asked for. */
function manyPeers(): ConnectionSource {
  const sockets: Socket[] = Array.from({ length: ADDRESSES }, (_, i) => ({
    id: i + 1,
    local: '169.254.1.1',
    localPort: 1024 + i,
    remote: addressOf(i),
    remotePort: 443,
    pid: 7,
  }));
  const { records, recordCount } = encode(sockets);
  return {
    kind: 'ebpf',
    snapshot: () =>
      Promise.resolve({ isWhole: true, records: records.slice(0), recordCount, takenAtNanos: 0, lost: 0 }),
    counters: () => ({}),
    close: () => Promise.resolve(),
  };
}

/** What is of interest of one report; the reports themselves would fill the memory. */
interface Seen {
  readonly endpoints: number;
  readonly named: number;
}

/** @returns what was seen of the reports made so far, of a probe that makes one a second */
function startProbe(t: TestContext, resolver: ReverseResolver): readonly Seen[] {
  const reports: Seen[] = [];
  const { pipeline, state } = new WatchedSource(manyPeers(), { resolver });
  const probe = new Probe({
    pipeline,
    publishIntervalMs: 1000,
    onState: () => {
      const { report } = state.reportSince(undefined);
      reports.push({ endpoints: report.topologies.get('Endpoint')?.nodes.size ?? 0, named: namesIn(report) });
    },
    log: pino({ level: 'silent' }),
  });
  t.after(() => probe.stop());
  probe.start();
  return reports;
}

const namesIn = (report: Report): number => {
  let named = 0;
  for (const { reverse } of report.dns.values()) if (reverse?.[0]?.endsWith('.example')) named++;
  return named;
};

test('10,000 addresses in one tick: no tick waits, no second has more questions than the rate, names come later', async (t) => {
  const withheld: Asked[] = [];
  let isAnswering = false;
  const answer = (asked: Asked): void => {
    asked.answer([ptr(asked.name, `${asked.name.replaceAll('.', '-')}.example`, 3600)]);
  };
  const dns = await startScriptedServer(t, (asked) => {
    if (isAnswering) answer(asked);
    else withheld.push(asked);
  });
  const limits = { ratePerSecond: RATE, concurrency: 64, queueMax: 2000, timeoutMs: 60_000 };
  const resolver = resolverFor(t, [dns.server], limits);
  const startedAt = performance.now();
  const reports = startProbe(t, resolver);
  const keepsToRate = (): void => {
    const { questions = 0 } = resolver.counters();
    // However slowly time passes for this process, it passes for the resolver too.
    const most = 1 + (RATE * (performance.now() - startedAt)) / 1000;
    assert.ok(questions <= most, `${questions} questions, ${most} allowed`);
  };
  // Nothing is answered, and ticks go on.
  while (reports.length < 3 || withheld.length < 64) {
    keepsToRate();
    await sleep(5);
  }
  assert.equal(dns.asked.length, 64);
  assert.deepEqual(reports[0], { endpoints: 2 * ADDRESSES, named: 0 });
  isAnswering = true;
  for (const asked of withheld) answer(asked);
  while ((reports.at(-1)?.named ?? 0) < NAMED) {
    keepsToRate();
    await sleep(20);
  }
  const { failures, queue_drops: drops } = resolver.counters();
  assert.equal(failures, 0);
  assert.ok((drops ?? 0) > 0, 'the queue is shorter than one report');
  const names = dns.asked.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, 'no address is asked for twice');
});

test('a dead server costs nothing but names', async (t) => {
  const dns = await startScriptedServer(t, () => undefined);
  const resolver = resolverFor(t, [dns.server], { timeoutMs: 20, tries: 2, concurrency: 8 });
  const reports = startProbe(t, resolver);
  while (reports.length < 3 || (resolver.counters()['failures'] ?? 0) < 20) await sleep(5);
  assert.deepEqual(reports.at(-1), { endpoints: 2 * ADDRESSES, named: 0 });
  const { queued = 0, in_flight: inFlight = 0 } = resolver.counters();
  assert.ok(queued <= 1000 && inFlight <= 8);
});
