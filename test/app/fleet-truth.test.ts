/** The graphs of a simulated fleet are its ground truth: no edge missing, none invented, counts equal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, type EdgeCounts } from '../../bench/app/fleet.js';
import { viewById } from '../../src/app/views/catalogue.js';
import { edgeTotals } from '../../src/app/views/graph.js';
import { sceneOf, type Scene } from '../../src/app/views/scene.js';
import { fromMillis, mergeReports } from '../../src/report/index.js';

function shown(scene: Scene, viewId: string): Map<string, number> {
  const graph = viewById(viewId)!.graph(scene);
  const counts = new Map<string, number>();
  for (const [from, targets] of graph.edges) {
    for (const [to, links] of targets) counts.set(`${from}>${to}`, edgeTotals(links).connections);
  }
  return counts;
}

function assertEqualEdges(actual: Map<string, number>, expected: EdgeCounts): void {
  assert.deepEqual(Array.from(actual).sort(), Array.from(expected).sort());
}

for (const seed of [1, 2, 3]) {
  test(`processes, hosts and services of fleet ${seed} are shown exactly`, () => {
    const fleet = new Fleet({ hosts: 12, services: 8, podsPerService: 5, endpointsPerHost: 400, seed });
    const at = fromMillis(1_700_000_000_000);
    const reports = Array.from({ length: fleet.hostCount }, (_, host) => fleet.report(host, at));
    const scene = sceneOf(mergeReports(reports));
    const truth = fleet.truth();
    assertEqualEdges(shown(scene, 'processes'), truth.processes);
    assertEqualEdges(shown(scene, 'hosts'), truth.hosts);
    assertEqualEdges(shown(scene, 'services'), truth.services);
  });
}
