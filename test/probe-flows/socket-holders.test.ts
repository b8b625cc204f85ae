/** Processes that hold a socket besides the one that uses it reach the endpoints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOLDER, HOLDER_OFFSET } from '../../src/probe/records/layout.js';
import { type HolderBatch } from '../../src/probe/records/holder.js';
import { build } from './edges.js';
import { client, listener, server, type Connection, type Socket } from './records.js';

const TICK_NANOS = 10_000_000n;

interface Row {
  readonly socket: number;
  readonly pid: number;
  readonly isListener?: boolean;
  readonly more?: number;
}

function rows(all: readonly Row[]): HolderBatch {
  const view = new DataView(new ArrayBuffer(all.length * HOLDER.bytes));
  for (const [i, { socket, pid, isListener = false, more = 0 }] of all.entries()) {
    const at = i * HOLDER.bytes;
    view.setBigUint64(at + HOLDER_OFFSET.socketId, BigInt(socket), true);
    view.setBigUint64(at + HOLDER_OFFSET.pidStartNanos, BigInt(pid) * TICK_NANOS, true);
    view.setUint32(at + HOLDER_OFFSET.pid, pid, true);
    view.setUint8(at + HOLDER_OFFSET.isListener, isListener ? 1 : 0);
    view.setUint16(at + HOLDER_OFFSET.more, more, true);
  }
  return { holders: view.buffer, holderCount: all.length };
}

const served = (id: number, fromPort: number): Connection => ({
  id,
  from: '192.0.2.7',
  fromPort,
  to: '10.0.0.1',
  toPort: 80,
  toPid: 20,
});

function factOf(
  sockets: readonly Socket[],
  holders: HolderBatch,
  id: string,
  key: string,
  startTicksOf: (pid: number) => number | undefined = (pid) => pid,
): string | undefined {
  const processes = { startTicksOf, formerName: () => '' };
  const { nodes } = build(sockets, { holders, processes }).topology;
  return nodes.get(id)?.latest?.get(key)?.value;
}

const SERVER = ';10.0.0.1;80';

test('further fd holders are reported in order, with the number of more', () => {
  const one = server(served(1, 40000));
  const holders = rows([
    { socket: one.id, pid: 31, more: 2 },
    { socket: one.id, pid: 4, more: 2 },
  ]);
  assert.equal(factOf([one], holders, SERVER, 'holder_pids'), '4 31');
  assert.equal(factOf([one], holders, SERVER, 'holder_pids_more'), '2');
  assert.equal(factOf([one], holders, ';192.0.2.7;40000', 'holder_pids'), undefined);
});

test("a client's holders are the client's", () => {
  const one = client({ ...served(1, 40000), fromPid: 10 });
  assert.equal(factOf([one], rows([{ socket: one.id, pid: 31 }]), ';192.0.2.7;40000', 'holder_pids'), '31');
  assert.equal(factOf([one], rows([{ socket: one.id, pid: 31 }]), SERVER, 'holder_pids'), undefined);
});

test('at most eight are reported, the others are counted', () => {
  const connections = Array.from({ length: 3 }, (_, i) => server(served(i, 40000 + i)));
  const holders = rows(
    connections.flatMap(({ id }, i) =>
      Array.from({ length: 4 }, (_, n) => ({ socket: id, pid: 100 + 4 * i + n })),
    ),
  );
  assert.equal(factOf(connections, holders, SERVER, 'holder_pids'), '100 101 102 103 104 105 106 107');
  assert.equal(factOf(connections, holders, SERVER, 'holder_pids_more'), '4');
});

test('each endpoint that stands for a flow has the holders of all of its connections', () => {
  const connections = Array.from({ length: 500 }, (_, i) => client({ ...served(i, 40000 + i), fromPid: 10 }));
  const { nodes } = build(connections, {
    holders: rows(connections.map(({ id }, i) => ({ socket: id, pid: 1000 + i }))),
    processes: { startTicksOf: (pid) => pid, formerName: () => '' },
  }).topology;
  const clients = [...nodes.values()].filter(({ adjacency }) => adjacency);
  assert.ok(clients.length < 10);
  for (const { latest } of clients) {
    assert.equal(latest?.get('holder_pids')?.value, '1000 1001 1002 1003 1004 1005 1006 1007');
    assert.equal(latest.get('holder_pids_more')?.value, '492');
  }
});

test('fd holders of a listener are reported at its port, by address or by wildcard', () => {
  const one = server(served(1, 40000));
  for (const address of ['10.0.0.1', '0.0.0.0', '::']) {
    const listening = listener(address, 80, { pid: 7 });
    const holders = rows([
      { socket: listening.id, pid: 8, isListener: true },
      { socket: listening.id, pid: 9, isListener: true },
    ]);
    assert.equal(factOf([one, listening], holders, SERVER, 'listener_pids'), '7 8 9');
    assert.equal(factOf([one, listening], holders, SERVER, 'holder_pids'), undefined);
  }
  const elsewhere = listener('10.0.0.2', 80, { pid: 7 });
  const holders = rows([{ socket: elsewhere.id, pid: 8, isListener: true }]);
  assert.equal(factOf([one, elsewhere], holders, SERVER, 'listener_pids'), undefined);
});

test('who has ended since, or has got the PID since, holds nothing', () => {
  const one = server(served(1, 40000));
  const holders = rows([
    { socket: one.id, pid: 31 },
    { socket: one.id, pid: 32 },
    { socket: one.id, pid: 33 },
  ]);
  const starts = new Map([
    [31, 31],
    [32, 99],
  ]);
  assert.equal(
    factOf([one], holders, SERVER, 'holder_pids', (pid) => starts.get(pid)),
    '31',
  );
});
