/** The window kept piece by piece says what all its reports merged from nothing say, whatever comes and goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { edgeRows } from '../../src/app/describe/edges.js';
import { VIEWS } from '../../src/app/views/catalogue.js';
import { snapshotOf, type Snapshot } from '../../src/app/flows/snapshot.js';
import { Window } from '../../src/app/window/window.js';
import { decodeReport, encodeReport, fromMillis, mergeReports } from '../../src/report/index.js';
import type { Node, Report } from '../../src/report/model/model.js';
import { facts, hostNode, makeNode, makeReport, processNode } from './sample-reports.js';

const WINDOW_MS = 15_000;
const ENDPOINTS = [
  ';10.0.0.1;1',
  ';10.0.0.1;2',
  ';10.0.0.2;80',
  ';10.0.0.3;80',
  ';203.0.113.1;443',
  ';10.0.9.9;80',
];

const someFacts = fc.record(
  {
    pid: fc.constantFrom('1', '2'),
    host_node_id: fc.constantFrom('x;<host>', 'y;<host>'),
    conn_count: fc.constantFrom('2', '3'),
    to_pid: fc.constantFrom('1', '2'),
    direction_evidence: fc.constantFrom('handshake', 'port-guess'),
    pid_evidence: fc.constantFrom('use', 'listener'),
    failed_count: fc.constant('4'),
    copy_of: fc.constantFrom(...ENDPOINTS),
  },
  { requiredKeys: [] },
);
const someEndpoint = fc.tuple(
  fc.constantFrom(...ENDPOINTS),
  someFacts,
  fc.uniqueArray(fc.constantFrom(...ENDPOINTS), { maxLength: 2 }),
);
const someReport = fc.record({
  probe: fc.constantFrom('p', 'q'),
  afterMs: fc.constantFrom(1, 3_000, 8_000),
  endpoints: fc.uniqueArray(someEndpoint, { selector: ([id]) => id, maxLength: 5 }),
});

function picture(snapshot: Snapshot): unknown {
  return VIEWS.map((view) => {
    const graph = view.graph(snapshot);
    return [
      view.id,
      Array.from(graph.nodes.keys()).sort(),
      edgeRows(snapshot.report, graph)
        .map((row) => JSON.stringify(row))
        .sort(),
    ];
  });
}

test('any sequence of reports and silences', () => {
  fc.assert(
    fc.property(fc.array(someReport, { maxLength: 12 }), (steps) => {
      let now = 1_700_000_000_000;
      const window = new Window({
        windowMs: WINDOW_MS,
        maxParts: 1e6,
        maxBytes: 1e9,
        maxProbes: 10,
        clock: () => now,
      });
      let reports: { atMs: number; report: Report }[] = [];
      for (const { probe, afterMs, endpoints } of steps) {
        now += afterMs;
        const at = fromMillis(now);
        const nodes: Node[] = endpoints.map(([id, values, to]) =>
          makeNode(id, 'endpoint', {
            latest: facts(values as Record<string, string>, at),
            ...(to.length > 0 ? { adjacency: to.toSorted() } : {}),
          }),
        );
        const report = makeReport(
          {
            Endpoint: nodes,
            Process: [processNode('x', 1, 'one'), processNode('y', 2, 'two')],
            Host: [hostNode('x'), hostNode('y')],
          },
          { timestamp: at },
        );
        window.add({ id: probe, version: '', announcedMs: 3_000 }, report);
        reports = [...reports, { atMs: now, report }].filter(({ atMs }) => atMs >= now - WINDOW_MS);
        assert.deepEqual(
          picture(window.snapshot()),
          picture(
            snapshotOf(
              mergeReports(reports.map((kept) => kept.report)),
              reports.map((kept) => kept.report),
            ),
          ),
        );
      }
    }),
    { numRuns: 150 },
  );
});

test('a window that everything has left holds nothing', () => {
  let now = 1_700_000_000_000;
  const window = new Window({
    windowMs: WINDOW_MS,
    maxParts: 1e6,
    maxBytes: 1e9,
    maxProbes: 10,
    clock: () => now,
  });
  window.add(
    { id: 'p', version: '' },
    makeReport({ Host: [hostNode('x')] }, { dns: new Map([['10.0.0.1', { forward: ['a.example'] }]]) }),
  );
  assert.ok(window.counts().parts > 0);
  now += WINDOW_MS + 1;
  assert.equal(window.snapshot().nodes('Host').size, 0);
  const { parts, bytes, reports, probes } = window.counts();
  assert.deepEqual({ parts, bytes, reports, probes }, { parts: 0, bytes: 0, reports: 0, probes: 0 });
});

test('a probe that repeats itself is not read again, and what it says stays as it is read the first time', () => {
  let nowMs = 1_700_000_000_000;
  const window = new Window({
    windowMs: 15_000,
    maxParts: 10_000,
    maxBytes: 1 << 30,
    maxProbes: 10,
    clock: () => nowMs,
  });
  // A clock that is a minute slow: its times are put right, also those of what is not read again.
  const slowMs = 60_000;
  const send = (pid: string): { read: number; recalled: number } => {
    const timestamp = fromMillis(nowMs - slowMs);
    const node = (id: string, value: string): [string, Node] => [
      id,
      { id, topology: 'endpoint', latest: new Map([['pid', { timestamp, value }]]) },
    ];
    const nodes = new Map([node(';10.0.0.1;1', '7'), node(';10.0.0.1;2', pid)]);
    const body = encodeReport({
      id: '1',
      timestamp,
      dns: new Map(),
      topologies: new Map([
        ['Endpoint', { nodes }],
        ['Pod', { nodes: new Map([node('u;<pod>', 'x')]) }],
      ]),
    });
    const memory = window.memoryOf('probe');
    window.add({ id: 'probe', version: '' }, decodeReport(body, {}, memory), body.length, memory);
    return { read: memory.digests.size, recalled: memory.recalled.size };
  };
  assert.deepEqual(send('8'), { read: 3, recalled: 0 });
  for (let round = 0; round < 3; round++) {
    nowMs += 5_000;
    assert.deepEqual(send('8'), { read: 0, recalled: 3 });
  }
  nowMs += 5_000;
  assert.deepEqual(send('9'), { read: 1, recalled: 2 });
  const { topologies } = window.newestReport();
  const facts = [...topologies.get('Endpoint')!.nodes.values(), ...topologies.get('Pod')!.nodes.values()].map(
    ({ latest }) => latest!.get('pid')!,
  );
  assert.deepEqual(
    facts.map(({ value }) => value),
    ['7', '9', 'x'],
  );
  for (const { timestamp } of facts) assert.equal(timestamp.unixSeconds * 1_000, nowMs);
});
