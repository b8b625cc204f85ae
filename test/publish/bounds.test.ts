/** The slices of a report are joined within bounds, and what that costs is counted: connections are the last to go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { coarsen } from '../../src/probe/publish/coarsen.js';
import { joinReports } from '../../src/probe/publish/join-reports.js';
import { ReportJoiner } from '../../src/probe/publish/pending-report.js';
import { endpointNodeId, fromMillis, processNodeId } from '../../src/report/index.js';
import type { Latest, Node, Report } from '../../src/report/model/model.js';

const AT = fromMillis(1_700_000_000_000);
const latest = (facts: Readonly<Record<string, string>>): Map<string, Latest> =>
  new Map(Object.entries(facts).map(([key, value]) => [key, { timestamp: AT, value }]));

interface Client {
  readonly address: number;
  readonly port: number;
  readonly server: number;
  readonly total: number;
  readonly fresh: number;
  readonly pid: number;
}

const client: fc.Arbitrary<Client> = fc
  .record({
    address: fc.nat(3),
    port: fc.integer({ min: 1, max: 60 }),
    server: fc.nat(2),
    total: fc.integer({ min: 1, max: 50 }),
    freshShare: fc.double({ min: 0, max: 1, noNaN: true }),
    pid: fc.nat(2),
  })
  .map(({ freshShare, ...rest }) => ({ ...rest, fresh: Math.round(rest.total * freshShare) }));

function reportWith(clients: readonly Client[], processes = 0): Report {
  const nodes = new Map<string, Node>();
  for (const { address, port, server, total, fresh, pid } of clients) {
    const to = endpointNodeId('', `192.0.2.${server}`, 443);
    nodes.set(to, { id: to, topology: 'endpoint' });
    const id = endpointNodeId('', `10.0.0.${address}`, port);
    const facts = {
      ...(total !== 1 && { conn_count: String(total) }),
      ...(fresh < total && { conn_new: String(fresh) }),
      ...(pid > 0 && { pid: String(pid), host_node_id: 'h;<host>' }),
      bytes_sent: String(total * 10),
    };
    nodes.set(id, { id, topology: 'endpoint', latest: latest(facts), adjacency: [to] });
  }
  const running = new Map<string, Node>();
  for (let pid = 1; pid <= processes; pid++) {
    const id = processNodeId('h', pid);
    running.set(id, { id, topology: 'process', latest: latest({ pid: String(pid) }) });
  }
  return {
    id: '1',
    timestamp: AT,
    topologies: new Map([
      ['Endpoint', { nodes }],
      ['Process', { nodes: running }],
    ]),
    dns: new Map(),
  };
}

/** Connections that are new in a report, as its reader counts them. */
function newConnections(report: Report): number {
  let sum = 0;
  for (const { adjacency, latest: facts } of report.topologies.get('Endpoint')?.nodes.values() ?? []) {
    if (!adjacency?.length) continue;
    sum += Number(facts?.get('conn_new')?.value ?? facts?.get('conn_count')?.value ?? 1);
  }
  return sum;
}

const totalOf = (reports: readonly Report[]): number =>
  reports.reduce((sum, report) => sum + newConnections(report), 0);
const nodesIn = (report: Report): number =>
  [...report.topologies.values()].reduce((sum, { nodes }) => sum + nodes.size, 0);
const sumOf = (report: Report, key: string): number =>
  [...report.topologies.get('Endpoint')!.nodes.values()].reduce(
    (sum, node) => sum + Number(node.latest?.get(key)?.value ?? 0),
    0,
  );

test('reports that follow each other are joined without losing or inventing a connection', () => {
  fc.assert(
    fc.property(fc.array(fc.array(client, { maxLength: 12 }), { minLength: 1, maxLength: 6 }), (all) => {
      const reports = all.map((clients) => reportWith(clients));
      const joined = reports.reduce((sum, report) => joinReports(sum, report, '2'));
      assert.equal(newConnections(joined), totalOf(reports));
    }),
    { numRuns: 1000 },
  );
});

test('made coarser, a report is within its bound or has no clients left, and every connection is accounted for', () => {
  const bound = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(fc.array(client, { maxLength: 60 }), fc.nat(20), bound, (clients, processes, maxNodes) => {
      // Each client is new here: a count that was not could stand for connections of another.
      const report = reportWith(
        clients.map((one) => ({ ...one, fresh: one.total })),
        processes,
      );
      const before = newConnections(report);
      const { report: after, coarsening } = coarsen(report, { maxNodes, maxSamples: 5 });
      assert.equal(newConnections(after) + coarsening.droppedConnections, before);
      if (coarsening.droppedEndpoints === 0)
        assert.equal(sumOf(after, 'bytes_sent'), sumOf(report, 'bytes_sent'));
      if (nodesIn(report) <= maxNodes) assert.equal(after, report);
      if (nodesIn(after) > maxNodes) assert.equal(newConnections(after), 0);
    }),
    { numRuns: 1000 },
  );
});

test('thousands of ticks of short connections wait in a report of bounded size, and none is lost', () => {
  const joiner = new ReportJoiner({ maxNodes: 500, maxSamples: 20 });
  let joined = reportWith([]);
  let opened = 0;
  for (let tick = 0; tick < 2000; tick++) {
    const clients = [0, 1, 2, 3, 4].map((i) => ({
      ...{ address: 0, port: 1024 + ((tick * 7) % 60_000) + i, server: 0, pid: 0 },
      ...{ total: 1200, fresh: 1200 },
    }));
    joined = joiner.join(joined, reportWith(clients));
    opened += 6000;
    assert.ok(nodesIn(joined) <= 500);
  }
  assert.equal(newConnections(joined), opened);
  assert.ok(joiner.counters.coarsened_endpoints > 0);
  assert.equal(joiner.counters.dropped_connections, 0);
});

test('clients that only failed to connect stay at no connections', () => {
  const failed = (at: number): Report => {
    const to = endpointNodeId('', '192.0.2.1', 443);
    const id = endpointNodeId('', '10.0.0.1', at);
    const facts = latest({ conn_count: '0', failed_count: '3', failed_reason: 'ECONNREFUSED' });
    const nodes = new Map<string, Node>([
      [to, { id: to, topology: 'endpoint' }],
      [id, { id, topology: 'endpoint', latest: facts, adjacency: [to] }],
    ]);
    return { id: '1', timestamp: AT, topologies: new Map([['Endpoint', { nodes }]]), dns: new Map() };
  };
  const joined = joinReports(joinReports(failed(1000), failed(1000), '2'), failed(1001), '3');
  assert.equal(newConnections(joined), 0);
  assert.equal(sumOf(joined, 'failed_count'), 9);
  const { report } = coarsen(joined, { maxNodes: 2, maxSamples: 1 });
  assert.equal(newConnections(report), 0);
  assert.equal(sumOf(report, 'failed_count'), 9);
});

test('bytes of new connections add up, those of a connection that lives on are counted once', () => {
  const one = (bytes: string, fresh: boolean): Report => {
    const to = endpointNodeId('', '192.0.2.1', 443);
    const id = endpointNodeId('', '10.0.0.1', 1000);
    const facts = latest({ bytes_sent: bytes, ...(!fresh && { conn_new: '0' }) });
    const nodes = new Map<string, Node>([[id, { id, topology: 'endpoint', latest: facts, adjacency: [to] }]]);
    return { id: '1', timestamp: AT, topologies: new Map([['Endpoint', { nodes }]]), dns: new Map() };
  };
  assert.equal(sumOf(joinReports(one('100', true), one('150', false), '2'), 'bytes_sent'), 150);
  assert.equal(sumOf(joinReports(one('100', true), one('150', true), '2'), 'bytes_sent'), 250);
});
