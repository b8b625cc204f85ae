/** The graphs of a simulated fleet are its ground truth: no edge missing, none invented, counts equal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fleet, type EdgeCounts } from '../../bench/app/fleet.js';
import { encodeReport, fromMillis, mergeReports } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';
import { edgeCounts, snapshotOf } from '../support/snapshot.js';
import { runApp, type RunningApp } from './running-app.js';

const VIEWS = ['processes', 'hosts', 'services'] as const;

function assertEqualEdges(actual: ReadonlyMap<string, number>, expected: EdgeCounts): void {
  assert.deepEqual(Array.from(actual).sort(), Array.from(expected).sort());
}

for (const seed of [1, 2, 3]) {
  for (const [how, joined] of [
    ['reported host by host', (reports: Report[]) => reports],
    ['in one report that was merged', (reports: Report[]) => [mergeReports(reports)]],
  ] as const) {
    test(`processes, hosts and services of fleet ${seed}, ${how}, are shown exactly`, () => {
      const fleet = new Fleet({ hosts: 12, services: 8, podsPerService: 5, endpointsPerHost: 400, seed });
      const at = fromMillis(1_700_000_000_000);
      const reports = Array.from({ length: fleet.hostCount }, (_, host) => fleet.report(host, at));
      const snapshot = snapshotOf(joined(reports));
      const truth = fleet.truth();
      for (const view of VIEWS) assertEqualEdges(edgeCounts(snapshot, view), truth[view]);
    });
  }
}

/** What the app answers over HTTP, by its own edges and by Scope's adjacency. */
async function assertShows(app: RunningApp, fleet: Fleet): Promise<void> {
  const truth = fleet.truth();
  for (const view of VIEWS) {
    const { edges, total } = (await app.get(`/api/v1/edges?view=${view}&unconnected=show&limit=100000`))
      .body as {
      total: number;
      edges: { from: string; to: string; connections: number; disagreement: string[] }[];
    };
    assert.equal(total, edges.length);
    assertEqualEdges(
      new Map(edges.map(({ from, to, connections }) => [`${from}>${to}`, connections])),
      truth[view],
    );
    assert.deepEqual(
      edges.filter(({ disagreement }) => disagreement.length > 0),
      [],
      'both ends count the same',
    );
    const { nodes } = (await app.get(`/api/topology/${view}?unconnected=show`)).body as {
      nodes: Record<string, { adjacency?: string[] }>;
    };
    const adjacent = Object.entries(nodes).flatMap(([from, { adjacency = [] }]) =>
      adjacency.map((to) => `${from}>${to}`),
    );
    assert.deepEqual(adjacent.sort(), Array.from(truth[view].keys()).sort());
  }
}

test('a hundred probes of NATed services that report in any order are shown exactly, and so is what follows', async (t) => {
  let now = 1_700_000_000_000;
  const app = await runApp(t, { clock: () => now });
  const fleet = new Fleet({ hosts: 100, services: 40, podsPerService: 20, endpointsPerHost: 200, seed: 4 });
  const reportAll = async (): Promise<void> => {
    // Machines far apart report in between each other, as in life.
    for (let step = 0; step < fleet.hostCount; step++) {
      const host = (step * 37) % fleet.hostCount;
      const body = gzipSync(encodeReport(fleet.report(host, fromMillis(now))), { level: 1 });
      const { status } = await app.post(body, {
        'content-type': 'application/msgpack',
        'content-encoding': 'gzip',
        'x-scope-probe-id': `probe-${host}`,
      });
      assert.equal(status, 200);
    }
  };
  await reportAll();
  await assertShows(app, fleet);
  await reportAll();
  await assertShows(app, fleet);
  // A third of the connections end, others begin; when the window has passed only these are left.
  fleet.churn(0.3);
  now += 10_000;
  await reportAll();
  now += 5_001;
  await assertShows(app, fleet);
});
