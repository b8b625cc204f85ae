/** Merging is a join: neither the order of reports nor how often one arrives makes a difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeReport, encodeReport, mergeReports } from '../../src/report/index.js';
import type { Node, Report } from '../../src/report/model/model.js';
import { report, withoutSums } from './arbitrary-report.js';

test('merging is associative and commutative on 10,000 generated triples', () => {
  fc.assert(
    fc.property(report, report, report, (a, b, c) => {
      const all = mergeReports([a, b, c]);
      assert.deepEqual(mergeReports([mergeReports([a, b]), c]), all);
      assert.deepEqual(mergeReports([a, mergeReports([b, c])]), all);
      assert.deepEqual(mergeReports([c, a, b]), all);
      assert.deepEqual(mergeReports([b, a, c]), all);
    }),
    { numRuns: 10_000 },
  );
});

test('merging is idempotent, but for what is added up', () => {
  fc.assert(
    fc.property(report, report, (a, b) => {
      assert.deepEqual(withoutSums(mergeReports([a, a])), withoutSums(a));
      const both = mergeReports([a, b]);
      assert.deepEqual(withoutSums(mergeReports([both, a, b])), withoutSums(both));
    }),
    { numRuns: 2000 },
  );
});

test('merging the empty report, or none, changes nothing', () => {
  const empty: Report = { id: '', topologies: new Map(), dns: new Map() };
  assert.deepEqual(mergeReports([]), empty);
  fc.assert(
    fc.property(report, (a) => {
      assert.deepEqual(mergeReports([a, empty]), a);
    }),
  );
});

test('reports are not changed by being merged', () => {
  fc.assert(
    fc.property(report, report, (a, b) => {
      const before = structuredClone([a, b]);
      mergeReports([a, b]);
      assert.deepEqual([a, b], before);
    }),
    { numRuns: 500 },
  );
});

test('whatever was generated or merged survives the wire', () => {
  fc.assert(
    fc.property(report, report, (a, b) => {
      const merged = mergeReports([a, b]);
      assert.deepEqual(decodeReport(encodeReport(merged)), merged);
    }),
    { numRuns: 2000 },
  );
});

/** A report of `count` nodes that tells each time one of them is looked into. */
function watchedReport(count: number, onRead: () => void): Report {
  const nodes = new Map<string, Node>();
  for (let i = 0; i < count; i++) {
    const adjacency = [`;10.0.0.1;${i}`];
    const id = `;10.0.0.2;${i}`;
    const node: Node = Object.defineProperty({ id, topology: 'endpoint', adjacency }, 'adjacency', {
      enumerable: true,
      get: () => {
        onRead();
        return adjacency;
      },
    });
    nodes.set(id, node);
  }
  return { id: '1', topologies: new Map([['Endpoint', { nodes }]]), dns: new Map() };
}

test('merging reads each node of each report the same number of times, however many reports there are', () => {
  const readsPerNode = (reports: number): number => {
    let reads = 0;
    mergeReports(Array.from({ length: reports }, () => watchedReport(10, () => reads++)));
    return reads / (reports * 10);
  };
  assert.equal(readsPerNode(500), readsPerNode(5));
  assert.equal(readsPerNode(5), 1);
});
