/** Half-seen local connections wait for one snapshot, and only they. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { completeHalfSeen, splitHalfSeen, type SplitBatch } from '../../src/probe/batch/half-seen.js';
import { MAX_HELD } from '../../src/probe/batch/half-seen.js';
import { OFFSET, RECORD_BYTES, TcpState } from '../../src/probe/records/record.js';
import { client, encode, listener, server, type Connection, type Socket } from '../topology/records.js';

const NOTHING = new ArrayBuffer(0);
const connection = (id: number, more: Partial<Connection> = {}): Connection => ({
  id,
  from: '127.0.0.1',
  fromPort: 10000 + id,
  to: '127.0.0.1',
  toPort: 80,
  ...more,
});
const closed = (socket: Socket): Socket => ({ ...socket, state: TcpState.Close, endNanos: 1 });

const split = (sockets: readonly Socket[], held: ArrayBuffer = NOTHING, takenAtNanos = 0): SplitBatch =>
  splitHalfSeen({ ...encode(sockets), takenAtNanos }, held);

/** Socket ids of a batch, sorted. */
function ids({ records, recordCount }: { records: ArrayBuffer; recordCount: number }): number[] {
  const view = new DataView(records);
  return Array.from({ length: recordCount }, (_, i) =>
    Number(view.getBigUint64(i * RECORD_BYTES + OFFSET.socketId, true)),
  ).sort((a, b) => a - b);
}
const heldCount = ({ held }: SplitBatch): number => held.byteLength / RECORD_BYTES;
const idsOf = (...sockets: Socket[]): number[] => sockets.map(({ id }) => id).sort((a, b) => a - b);

const a = connection(1);
const b = connection(2);

test('a closed end without its other end waits, and comes with it in the next batch', () => {
  const first = split([closed(client(a)), closed(client(b)), closed(server(b))]);
  assert.deepEqual(ids(first.batch), idsOf(client(b), server(b)));
  const second = split([closed(server(a))], first.held);
  assert.deepEqual(ids(second.batch), idsOf(client(a), server(a)));
  assert.equal(heldCount(second), 0);
});

test('what is behind the records of a snapshot is room for those that come back, and is not read', () => {
  const waiting = split([closed(client(a)), closed(client(b))]);
  const { records, recordCount } = encode([closed(server(a)), closed(server(b))]);
  const roomy = new Uint8Array(3 * records.byteLength).fill(0xff);
  roomy.set(new Uint8Array(records));
  const { batch } = splitHalfSeen({ records: roomy.buffer, recordCount, takenAtNanos: 0 }, waiting.held);
  assert.deepEqual(ids(batch), idsOf(client(a), server(a), client(b), server(b)));
  assert.equal(batch.records, roomy.buffer);
});

test('it waits once: without its other end it is reported alone', () => {
  const second = split([listener('::', 80)], split([closed(client(a))]).held);
  assert.deepEqual(ids(second.batch), idsOf(client(a), listener('::', 80)));
  assert.equal(heldCount(second), 0);
});

test('a closed end whose other end lives is reported now, and again when that one has closed', () => {
  const first = split([closed(client(a)), server(a)]);
  assert.deepEqual(ids(first.batch), idsOf(client(a), server(a)));
  const second = split([closed(server(a))], first.held);
  assert.deepEqual(ids(second.batch), idsOf(client(a), server(a)));
  assert.equal(heldCount(second), 0);
});

test('it is not reported again when nothing new is seen of the other end', () => {
  const first = split([closed(client(a)), server(a)]);
  assert.deepEqual(ids(split([], first.held).batch), []);
});

test('a newborn end without its other end is left to the next snapshot', () => {
  const young = { ...client(a), startNanos: 999_999_000 };
  const old = { ...client(b), startNanos: 1_000 };
  const first = split([young, old], NOTHING, 1_000_000_000);
  assert.deepEqual(ids(first.batch), idsOf(old));
  const second = split([young, server(a), old], first.held, 4_000_000_000);
  assert.deepEqual(ids(second.batch), idsOf(young, server(a), old));
});

test('a newborn connection is in one report only, whichever end closes first and wherever the other one is', () => {
  const young = { startNanos: 999_999_000 };
  const abroad = connection(9, { from: '10.0.0.1', to: '192.0.2.1' });
  const sockets = [
    closed({ ...client(a), ...young }),
    { ...server(a), ...young },
    { ...client(abroad), ...young },
  ];
  const first = split(sockets, NOTHING, 1_000_000_000);
  assert.deepEqual(ids(first.batch), []);
  const second = split([closed(server(a)), closed(client(abroad))], first.held, 4_000_000_000);
  assert.deepEqual(ids(second.batch), idsOf(client(a), server(a), client(abroad)));
  assert.deepEqual(ids(split([], second.held, 7_000_000_000).batch), []);
});

test('closed connections to other hosts, failed connects, listeners and self-connects never wait', () => {
  const sockets = [
    closed(client({ ...a, from: '10.0.0.1', to: '192.0.2.1' })),
    closed(server({ ...b, from: '192.0.2.1', to: '10.0.0.1' })),
    { ...closed(client(connection(3))), established: false },
    listener('127.0.0.1', 80),
    closed(client(connection(4, { fromPort: 80 }))),
  ];
  const result = split(sockets);
  assert.deepEqual(ids(result.batch), idsOf(...sockets));
  assert.equal(heldCount(result), 0);
});

test('an address of this host that is not loopback is local too, across namespaces', () => {
  const lan = connection(5, { from: '10.0.0.1', to: '10.0.0.2' });
  const other = { ...server(connection(6, { from: '192.0.2.1', to: '10.0.0.2' })), netns: 7 };
  const first = split([closed(client(lan)), other]);
  assert.deepEqual(ids(first.batch), idsOf(other));
  const second = split([closed({ ...server(lan), netns: 7 }), other], first.held);
  assert.deepEqual(ids(second.batch), idsOf(client(lan), server(lan), other));
});

test('of a tuple that was used twice only the use without its other end waits', () => {
  const again = connection(9, { fromPort: a.fromPort });
  const first = split([closed(client(a)), closed(server(a)), closed(client(again))]);
  assert.deepEqual(ids(first.batch), idsOf(client(a), server(a)));
  assert.deepEqual(
    ids(split([closed(server(again))], first.held).batch),
    idsOf(client(again), server(again)),
  );
});

test('a single report takes the missing ends from a later snapshot and nothing else', () => {
  const first = split(
    [closed(client(a)), closed(client(b)), server(b), { ...server(connection(3)), startNanos: 999_999_000 }],
    NOTHING,
    1e9,
  );
  const later = encode([
    closed(server(a)),
    closed(server(b)),
    closed(client(connection(3))),
    client(connection(4)),
    server(connection(4)),
  ]);
  assert.deepEqual(
    ids(completeHalfSeen(first, later)),
    idsOf(client(a), server(a), client(b), server(b), client(connection(3)), server(connection(3))),
  );
});

test('what waits is bounded; the rest is reported as it is and counted', () => {
  const sockets = Array.from({ length: MAX_HELD + 10 }, (_, id) =>
    closed(
      client(
        connection(id, { from: `127.0.${1 + (id >> 14)}.1`, fromPort: 1 + (id & 0x3fff), toPort: 60000 }),
      ),
    ),
  );
  const result = split(sockets);
  assert.equal(heldCount(result), MAX_HELD);
  assert.equal(result.overflow, 10);
  assert.equal(result.batch.recordCount, 10);
});

test('however closes fall between snapshots, each short connection is reported with both ends and none is lost', () => {
  const moments = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 }), fc.boolean()),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(moments, (plan) => {
      let held: ArrayBuffer = NOTHING;
      const batches: number[][] = [];
      for (let tick = 0; tick < 6; tick++) {
        const sockets = plan.flatMap(([at, lag, clientFirst], id) => {
          const ends = [client(connection(id)), server(connection(id))].map(closed);
          const [early, late] = clientFirst ? ends : ends.reverse();
          return [...(tick === at ? [early!] : []), ...(tick === at + lag ? [late!] : [])];
        });
        const result = split(sockets, held);
        held = result.held;
        batches.push(ids(result.batch));
      }
      for (const [id] of plan.entries()) {
        const containing = batches.filter((batch) => batch.includes(id * 2) || batch.includes(id * 2 + 1));
        assert.equal(containing.length, 1);
        assert.ok(containing[0]?.includes(id * 2) && containing[0].includes(id * 2 + 1));
      }
    }),
  );
});
