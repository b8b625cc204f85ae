/** Between two whole reports an app gets what changed: merged, it knows the same; on the wire, it is a fraction. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesSince } from '../../src/probe/publish/changes.js';
import { encodeReport, fromMillis, mergeReports } from '../../src/report/index.js';
import type { Node, Report } from '../../src/report/model/model.js';
import { report as arbitraryReport } from '../report/arbitrary-report.js';
import { startApp } from './recording-app.js';
import { publisherFor, reportOf, totalOf, until } from './shipping.js';

/** Everything but the times of facts, and the samples of metrics but for the last one's height. */
function known(report: Report): unknown {
  const node = (one: Node): unknown => ({
    ...one,
    latest: new Map([...(one.latest ?? [])].map(([key, { value }]) => [key, value])),
    metrics: new Map(
      [...(one.metrics ?? [])].map(([key, { min, max, samples }]) => [
        key,
        [min, max, samples.at(-1)?.value],
      ]),
    ),
    sets: one.sets ?? new Map(),
    parents: one.parents ?? new Map(),
  });
  const topologies = [...report.topologies].map(([key, { nodes, ...head }]) => [
    key,
    { ...head, nodes: new Map([...nodes].map(([id, one]) => [id, node(one)])) },
  ]);
  return { topologies: new Map(topologies as [string, unknown][]), dns: report.dns };
}

/** The same report, taken at another time: every fact is newer than every fact of before. */
function takenAt(report: Report, ms: number): Report {
  const timestamp = fromMillis(ms);
  const later = (one: Node): Node => ({
    ...one,
    ...(one.latest && {
      latest: new Map([...one.latest].map(([key, { value }]) => [key, { timestamp, value }])),
    }),
    ...(one.metrics && {
      metrics: new Map(
        [...one.metrics].map(([key, metric]) => [
          key,
          { ...metric, samples: metric.samples.slice(-1).map(({ value }) => ({ date: timestamp, value })) },
        ]),
      ),
    }),
  });
  const topologies = new Map(
    [...report.topologies].map(([key, { nodes, ...head }]) => [
      key,
      { ...head, nodes: new Map([...nodes].map(([id, one]) => [id, later(one)])) },
    ]),
  );
  return { ...report, timestamp, topologies };
}

test('who merges the changes into what it had knows what it would know of the whole report', () => {
  fc.assert(
    fc.property(arbitraryReport, arbitraryReport, (first, second) => {
      const base = takenAt(first, 1_700_000_000_000);
      const whole = takenAt(second, 1_700_000_003_000);
      const changes = changesSince(base, whole);
      assert.deepEqual(known(mergeReports([base, changes])), known(mergeReports([base, whole])));
    }),
    { numRuns: 1500 },
  );
});

test('of a report that says the same again hardly anything is left, but for new connections', () => {
  const live = (report: Report): Report => {
    const endpoints = report.topologies.get('Endpoint')!;
    const nodes = new Map(
      [...endpoints.nodes].map(([id, node]) => {
        if (!node.adjacency) return [id, node];
        const fact = { timestamp: fromMillis(1), value: '0' };
        return [id, { ...node, latest: new Map([...node.latest!, ['conn_new', fact]]) }];
      }),
    );
    return { ...report, topologies: new Map([['Endpoint', { ...endpoints, nodes }]]) };
  };
  const report = reportOf([5, 6, 7]);
  const again = changesSince(report, report);
  assert.equal(totalOf([again]), 18, 'new connections between the same endpoints are others');
  const base = live(report);
  const idle = changesSince(base, live(reportOf([5, 6, 7])));
  assert.equal(idle.topologies.get('Endpoint')?.nodes.size, 0);
  assert.ok(encodeReport(idle).length < encodeReport(base).length / 4);
});

test('an app gets a whole report first, then changes, and a whole one again after a failure or as another app', async (t) => {
  const app = await startApp(t);
  const other = await startApp(t);
  const publisher = publisherFor(t, [app.url, other.url], { wholeEveryMs: 3_600_000, identityMs: 0 });
  const clients = (): (number | undefined)[] => app.reports.map(({ dns }) => dns.size);
  const named = (): Report => ({
    ...reportOf([1]),
    dns: new Map([['192.0.2.1', { reverse: ['a.example'] }]]),
  });
  const publish = async (): Promise<void> => {
    const expected = app.reports.length + 1;
    publisher.publish(named());
    await until('both have it', () => app.reports.length === expected && other.reports.length === expected);
  };
  await publish();
  await publish();
  assert.deepEqual(clients(), [1, 0]);
  assert.deepEqual(app.bodies, other.bodies);
  assert.equal(publisher.counters()['encoded'], 2);
  let isFailing = true;
  app.onPost = () => (isFailing ? { status: 500 } : undefined);
  const failures = publisher.counters()['failed_tries'] ?? 0;
  publisher.publish(named());
  await until('it failed', () => (publisher.counters()['failed_tries'] ?? 0) > failures);
  isFailing = false;
  await until('it is there', () => app.reports.length === 3 && other.reports.length === 3);
  assert.deepEqual(clients(), [1, 0, 1]);
  app.id = 'somebody else';
  await publish();
  assert.deepEqual(clients(), [1, 0, 1, 1]);
  assert.equal(totalOf(app.reports), 4);
});

test('an app that says who took a report gets a whole one right after it took the place of another', async (t) => {
  const app = await startApp(t);
  app.onPost = () => ({ status: 200, headers: { 'x-topoprobe-app-id': app.id } });
  const publisher = publisherFor(t, [app.url], { wholeEveryMs: 3_600_000, identityMs: 3_600_000 });
  const publish = async (): Promise<number> => {
    const expected = app.reports.length + 1;
    publisher.publish({ ...reportOf([1]), dns: new Map([['192.0.2.1', { reverse: ['a.example'] }]]) });
    await until('it has it', () => app.reports.length === expected);
    return app.reports.at(-1)?.dns.size ?? NaN;
  };
  assert.equal(await publish(), 1);
  assert.equal(await publish(), 0);
  app.id = 'another, at the same address and on the same connection';
  assert.equal(await publish(), 0);
  assert.equal(await publish(), 1);
});
