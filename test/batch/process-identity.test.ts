/** A process is a PID and a start: who gets a PID later inherits nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEndpoints, exitedProcesses } from '../../src/probe/topology/index.js';
import { identifyProcesses } from '../../src/probe/batch/process-identity.js';
import type { Node } from '../../src/report/model/model.js';
import { now } from '../../src/report/model/timestamp.js';
import { client, encode, server, type Connection, type Socket } from '../topology/records.js';

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

function nodesOf(
  sockets: readonly Socket[],
  startTicksOf: (pid: number) => number | undefined,
): ReadonlyMap<string, Node> {
  const { batch, gone } = identifyProcesses(encode(sockets), startTicksOf);
  return buildEndpoints({ ...batch, gone, hostName: 'vm', now: now(), names: () => undefined }).topology
    .nodes;
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

test('the clock tick in which /proc tells a start is enough to join', () => {
  const nodes = nodesOf([of(http(1, 40000), 'curl', 5 * TICK_NANOS + 9_999_999)], () => 5);
  assert.deepEqual(factsOf(nodes.get(';10.0.0.1;40000')), { pid: '77' });
});

test('two owners of one PID within one clock tick: it belongs to the later one', () => {
  const nodes = nodesOf(
    [of(http(1, 40000), 'old', 5 * TICK_NANOS + 1), of(http(2, 40001), 'new', 5 * TICK_NANOS + 2)],
    () => 5,
  );
  assert.deepEqual(factsOf(nodes.get(';10.0.0.1;40000')), { exited_pid: '77', exited_name: 'old' });
  assert.deepEqual(factsOf(nodes.get(';10.0.0.1;40001')), { pid: '77' });
});

test('connections of two owners of a PID are not thinned as if they were one', () => {
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
  const nodes = nodesOf([at(1, 40000, 1), at(2, 40001, 2)], () => 2);
  assert.deepEqual(factsOf(nodes.get(';10.0.0.1;80')), { pid: '77' });
  assert.deepEqual(factsOf(nodes.get(';192.0.2.7;40000')), { to_pid: '0' });
  assert.deepEqual(factsOf(nodes.get(';192.0.2.7;40001')), { to_pid: '77' });
});

test('a start that is not known joins, as does one that differs by the rounding of /proc only', () => {
  const batch = encode([
    of(http(1, 40000), 'x', 0),
    of(http(2, 40001), 'x', 7 * TICK_NANOS),
    of(http(3, 40002), 'x', 7 * TICK_NANOS + 5),
  ]);
  assert.deepEqual(identifyProcesses(batch).gone, []);
});

test('a process that ended has a node by the name that was noted, unless another has its PID', () => {
  const batch = encode([
    of(http(1, 40000), 'curl', TICK_NANOS),
    of(http(2, 40001, { fromPid: 78 }), 'wget', TICK_NANOS),
  ]);
  const identified = identifyProcesses(batch, (pid) => (pid === PID ? 2 : undefined));
  const { nodes } = exitedProcesses(identified, undefined, 'vm', now());
  assert.deepEqual([...nodes.keys()], ['vm;78']);
  assert.equal(nodes.get('vm;78')?.latest?.get('name')?.value, 'wget');
});

test('a batch that is handed out again is as it was', () => {
  const batch = encode([of(http(1, 40000), 'curl', TICK_NANOS)]);
  const before = Buffer.from(batch.records.slice(0));
  assert.equal(identifyProcesses(batch, () => 2).gone.length, 1);
  assert.deepEqual(Buffer.from(batch.records), before);
});

test('in a batch that did not change a PID can change hands all the same, and back', () => {
  const batch = encode([
    of(http(1, 40000), 'old', 5 * TICK_NANOS),
    of(http(2, 40001), 'new', 6 * TICK_NANOS),
  ]);
  const goneAt = (startTicks: number, unchanged: boolean): string[] =>
    identifyProcesses({ ...batch, unchanged }, () => startTicks).gone.map(({ name }) => name);
  assert.deepEqual(goneAt(6, false), ['old']);
  assert.deepEqual(goneAt(5, true), ['new']);
  assert.deepEqual(goneAt(7, true), ['new', 'old']);
  assert.deepEqual(goneAt(6, true), ['old']);
});

test('other records in the same memory are other processes', () => {
  const batch = encode([of(http(1, 40000), 'old', 5 * TICK_NANOS)]);
  identifyProcesses(batch, () => 5);
  const other = encode([{ ...of(http(1, 40000), 'other', 5 * TICK_NANOS), pid: PID + 1 }]);
  new Uint8Array(batch.records).set(new Uint8Array(other.records));
  assert.deepEqual([...identifyProcesses(batch, () => 5).names.keys()], [PID + 1]);
});
