/** A process is a PID and a start: who gets a PID later inherits nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Topology } from '../../src/report/model/model.js';
import { now } from '../../src/report/model/timestamp.js';
import { newState, newsOf } from '../support/flow-state.js';
import { build } from './edges.js';
import { client, encode, server, type Connection, type Socket } from './records.js';

const TICK_NANOS = 10_000_000;
const PID = 77;

const http = (id: number, fromPort: number, more: Partial<Connection> = {}): Connection => ({
  id,
  from: '10.0.0.1',
  fromPort,
  to: '192.0.2.7',
  toPort: 80,
  fromPid: PID,
  ...more,
});
const of = (connection: Connection, comm: string, pidStartNanos: number): Socket => ({
  ...client(connection),
  comm,
  pidStartNanos,
});

const knowing = (startTicksOf: (pid: number) => number | undefined): Parameters<typeof build>[1] => ({
  processes: { startTicksOf, formerName: (_pid, _start, comm) => comm },
});

function nodesOf(
  sockets: readonly Socket[],
  startTicksOf: (pid: number) => number | undefined,
): ReadonlyMap<string, Node> {
  return build(sockets, knowing(startTicksOf)).topology.nodes;
}

function factsOf(node: Node | undefined): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const key of ['pid', 'exited_pid', 'exited_name', 'to_pid', 'conn_count'])
    if (node?.latest?.has(key)) facts[key] = node.latest.get(key)!.value;
  return facts;
}

test('an endpoint does not join a process that has got the PID since', () => {
  const nodes = nodesOf([of(http(1, 40000), 'curl', 5 * TICK_NANOS + 3)], () => 6);
  const node = nodes.get(';10.0.0.1;40000');
  assert.deepEqual(factsOf(node), { exited_pid: '77', exited_name: 'curl' });
  assert.equal(node?.latest?.get('host_node_id')?.value, 'vm;<host>');
});

test('a start in /proc, to the clock tick, is enough to join, as is an unknown start', () => {
  for (const start of [5 * TICK_NANOS, 5 * TICK_NANOS + 9_999_999, 0]) {
    const nodes = nodesOf([of(http(1, 40000), 'curl', start)], () => 5);
    assert.deepEqual(factsOf(nodes.get(';10.0.0.1;40000')), { pid: '77' });
  }
});

test('connections of two owners of a PID are two flows', () => {
  const ports = Array.from({ length: 100 }, (_, i) => 40000 + i);
  const sockets = ports.map((port, i) => of(http(i, port), 'x', (i % 2) * TICK_NANOS + TICK_NANOS));
  const counts = new Map<string, number>();
  for (const node of nodesOf(sockets, () => 2).values()) {
    if (!node.adjacency) continue;
    const { pid, exited_pid: exited, conn_count: count = '1' } = factsOf(node);
    const who = pid ?? `exited ${exited ?? ''}`;
    counts.set(who, (counts.get(who) ?? 0) + Number(count));
  }
  assert.deepEqual(Object.fromEntries(counts), { 77: 50, 'exited 77': 50 });
});

test('a port served by two owners of one PID: each connection knows with which of them it is', () => {
  const at = (id: number, fromPort: number, start: number): Socket => ({
    ...server({ id, from: '192.0.2.7', fromPort, to: '10.0.0.1', toPort: 80, toPid: PID }),
    comm: 'httpd',
    pidStartNanos: start * TICK_NANOS,
  });
  const { report } = build(
    [at(1, 40000, 1), at(2, 40001, 2)],
    knowing(() => 2),
  );
  const rows = (report.flows ?? []).map(({ server: { pid, start }, ports }) => [pid, start, ports]);
  assert.deepEqual(rows, [
    [PID, 1, [[40000, 1]]],
    [PID, 2, [[40001, 1]]],
  ]);
});

const processes = (...pids: [pid: number, name: string][]): Topology => ({
  nodes: new Map(
    pids.map(([pid, name]) => [
      `vm;${pid}`,
      {
        id: `vm;${pid}`,
        topology: 'process',
        latest: new Map([['name', { timestamp: now(), value: name }]]),
      },
    ]),
  ),
});

test('a process that ended has a node by the name that was noted, unless another has its PID', () => {
  const sockets = [
    of(http(1, 40000), 'curl', TICK_NANOS),
    of(http(2, 40001, { fromPid: 78 }), 'wget', TICK_NANOS),
  ];
  const { report } = build(sockets, {
    ...knowing((pid) => (pid === PID ? 2 : undefined)),
    topologies: new Map([['Process', processes([PID, 'another'])]]),
  });
  const nodes = report.topologies.get('Process')?.nodes;
  assert.deepEqual([...(nodes?.keys() ?? [])], ['vm;77', 'vm;78']);
  assert.equal(nodes?.get('vm;78')?.latest?.get('name')?.value, 'wget');
  assert.deepEqual(
    report.flows?.map(({ client: { name } }) => name),
    ['curl', 'wget'],
  );
});

test('who gets a PID, after its last owner was forgotten, has its own name', () => {
  let startNow = 1;
  let nowMs = 0;
  const state = newState({ ...knowing(() => startNow), clock: () => nowMs });
  const nameAt = (start: number, name: string): (string | undefined)[] => {
    startNow = start;
    const topologies = new Map([['Process', processes([PID, name])]] as const);
    state.take(newsOf(encode([of(http(start, 40000 + start), 'comm', start * TICK_NANOS)]), { topologies }));
    return (state.wholeReport().flows ?? []).map(({ client }) => client.name);
  };
  assert.deepEqual(nameAt(1, 'one'), ['one']);
  // Nothing lives, and after more than a minute the flow and its process are forgotten.
  const nobody = new Map([['Process', processes()]] as const);
  for (let tick = 0; tick < 130; tick++) {
    nowMs += 1000;
    state.take(newsOf(encode([]), { topologies: nobody }));
  }
  assert.deepEqual(nameAt(200, 'two'), ['two']);
});
