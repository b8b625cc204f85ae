/** Thinning loses no byte and no retransmit, and connects that failed are edges of their own with the reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Node } from '../../src/report/model/model.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { build, edgesOf } from './edges.js';
import { client, server, type Connection, type Socket } from './records.js';

const ECONNREFUSED = 111;
const ETIMEDOUT = 110;

const connection = (id: number, more: Partial<Connection> = {}): Connection => ({
  id,
  from: '10.0.0.1',
  fromPort: 20_000 + id,
  to: '10.0.0.2',
  toPort: 80,
  fromPid: 10,
  toPid: 20,
  ...more,
});

function number(node: Node | undefined, key: string): number {
  return Number(node?.latest?.get(key)?.value ?? 0);
}

function total(nodes: ReadonlyMap<string, Node>, key: string): number {
  return [...nodes.values()].reduce((sum, node) => sum + number(node, key), 0);
}

const seenFrom = fc.constantFrom('client', 'server', 'both');

test('bytes and retransmits add up to those of all connections, from whichever end they were seen', () => {
  const bytes = fc.integer({ min: 0, max: 2 ** 40 });
  const flow = fc.record(
    { up: bytes, down: bytes, retransmits: fc.nat(5), seenFrom },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(flow, { minLength: 1, maxLength: 200 }), (flows) => {
      const sockets = flows.flatMap(({ up, down, retransmits, seenFrom: seen }, id): Socket[] => {
        const atClient = { ...client(connection(id)), bytesSent: up, bytesReceived: down };
        const atServer = { ...server(connection(id)), bytesSent: down, bytesReceived: up };
        if (seen === 'server') return [{ ...atServer, retransmits }];
        return seen === 'client' ? [{ ...atClient, retransmits }] : [{ ...atClient, retransmits }, atServer];
      });
      const { nodes } = build(sockets).topology;
      const sum = (key: 'up' | 'down' | 'retransmits'): number =>
        flows.reduce((all, each) => all + each[key], 0);
      assert.equal(total(nodes, 'bytes_sent'), sum('up'));
      assert.equal(total(nodes, 'bytes_received'), sum('down'));
      assert.equal(total(nodes, 'retransmits'), sum('retransmits'));
    }),
  );
});

test('round trips and connect times are means over what was measured', () => {
  const measured = [100, 300].map((srttMicros, id) => ({
    ...client(connection(id)),
    srttMicros,
    connectMicros: srttMicros * 2,
  }));
  const { nodes } = build([...measured, client(connection(2))]).topology;
  const means = [...nodes.values()].filter((node) => node.latest?.has('rtt_us'));
  assert.ok(means.length >= 1);
  const values = means.map((node) => number(node, 'rtt_us'));
  assert.ok(values.every((value) => value >= 100 && value <= 300));
  for (const node of means) assert.equal(number(node, 'connect_us'), number(node, 'rtt_us') * 2);
});

test('a tuple that was used again counts the bytes of every socket once', () => {
  const first = { ...client(connection(1)), bytesSent: 5, state: TcpState.Close };
  const second = { ...client(connection(1)), id: 99, bytesSent: 7 };
  const { nodes } = build([first, second]).topology;
  assert.equal(total(nodes, 'bytes_sent'), 12);
  assert.equal(total(nodes, 'conn_count'), 2);
});

const failing = (id: number, errno: number, more: Partial<Connection> = {}): Socket => ({
  ...client(connection(id, more)),
  established: false,
  state: TcpState.Close,
  errno,
});

test('failed connects are edges with a count of no connections, how many failed, and why', () => {
  const { topology, stats } = build([
    failing(1, ECONNREFUSED),
    failing(2, ECONNREFUSED),
    failing(3, ETIMEDOUT, { to: '10.0.0.3' }),
  ]);
  const edges = edgesOf({ topology });
  assert.deepEqual(
    edges.map(({ from, to, fromPid, count }) => {
      const latest = topology.nodes.get(from)?.latest;
      return {
        to,
        fromPid,
        count,
        failed: latest?.get('failed_count')?.value,
        why: latest?.get('failed_reason')?.value,
      };
    }),
    [
      { to: ';10.0.0.2;80', fromPid: '10', count: 0, failed: '2', why: 'refused' },
      { to: ';10.0.0.3;80', fromPid: '10', count: 0, failed: '1', why: 'timed out' },
    ],
  );
  assert.equal(stats.failed, 3);
  assert.equal(stats.connections, 0);
});

test('each errno that a connect can end with has its reason, and any other its number', () => {
  const reasons = new Map<number, string>();
  for (const errno of [0, 13, 64, 71, 92, 95, 99, 101, 103, 104, 110, 111, 112, 113, 133]) {
    const { nodes } = build([failing(1, errno)]).topology;
    for (const { latest } of nodes.values()) {
      const reason = latest?.get('failed_reason')?.value;
      if (reason !== undefined) reasons.set(errno, reason);
    }
  }
  const of = (reason: string): number[] =>
    [...reasons].flatMap(([errno, its]) => (its === reason ? [errno] : []));
  assert.deepEqual(of('unreachable'), [13, 64, 71, 92, 95, 101, 112, 113]);
  for (const [reason, errno] of [
    ['cancelled', 0],
    ['no free port', 99],
    ['aborted', 103],
    ['reset', 104],
    ['timed out', 110],
    ['refused', 111],
    ['errno 133', 133],
  ] as const)
    assert.deepEqual(of(reason), [errno]);
});

test('failed connects are not mixed up with short connections to the same port', () => {
  const { topology } = build([failing(1, ECONNREFUSED), { ...client(connection(2)), state: TcpState.Close }]);
  assert.equal(total(topology.nodes, 'failed_count'), 1);
  assert.equal(total(topology.nodes, 'conn_count') || 1, 1);
});

test('a scan makes a bounded number of flows, and what had no room is in one of nobody in particular', () => {
  const scan = Array.from({ length: 5_000 }, (_, i) => failing(i, ECONNREFUSED, { toPort: 1000 + i }));
  const { stats, report } = build(scan);
  assert.equal(stats.failed, scan.length);
  const rows = report.flows ?? [];
  assert.ok(rows.length < 2_100, `${rows.length} rows`);
  assert.equal(
    rows.reduce((sum, { failed }) => sum + (failed['refused'] ?? 0), 0),
    scan.length,
  );
  const other = rows.filter(({ client: { address } }) => address === '');
  assert.equal(other.length, 1);
});
