/** Each connection is new in one report only, however many reports it lives through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Batcher } from '../../src/probe/batch/batcher.js';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import { buildEndpoints } from '../../src/probe/topology/index.js';
import { SeenBefore } from '../../src/probe/batch/seen-before.js';
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../../src/probe/records/record.js';
import type { Node } from '../../src/report/model/model.js';
import { now } from '../../src/report/model/timestamp.js';
import { encode, type Socket } from '../topology/records.js';

interface Life {
  /** Snapshot that has it first, and the one that has it closed. */
  readonly from: number;
  readonly to: number;
  readonly isLocal: boolean;
}

const SNAPSHOTS = 5;

/** Both ends of connection `i` when it is local, otherwise this host's. The ends have ports that are not used again. */
function socketsOf(life: Life, i: number, snapshot: number): Socket[] {
  if (snapshot < life.from || snapshot > life.to) return [];
  const ids = { id: 2 * i + 1, state: snapshot === life.to ? TcpState.Close : TcpState.Established };
  const client = {
    ...ids,
    local: '10.0.0.1',
    localPort: 1024 + i,
    remote: '10.0.0.1',
    remotePort: 80,
    pid: 7,
  };
  if (!life.isLocal) return [{ ...client, remote: '192.0.2.1' }];
  const direction = Direction.Accepted;
  return [
    client,
    { ...client, id: ids.id + 1, localPort: 80, remotePort: client.localPort, direction, pid: 8 },
  ];
}

function sourceOf(lives: readonly Life[]): ConnectionSource {
  let taken = 0;
  return {
    kind: 'ebpf',
    snapshot() {
      const snapshot = taken++;
      const sockets = lives.flatMap((life, i) => socketsOf(life, i, snapshot));
      return Promise.resolve({ ...encode(sockets), takenAtNanos: 0, lost: 0 });
    },
    counters: () => ({}),
    close: () => Promise.resolve(),
  };
}

const countIn = (node: Node, key: string): number | undefined => {
  const value = node.latest?.get(key)?.value;
  return value === undefined ? undefined : Number(value);
};

test('new connections of all reports add up to the connections there were', async () => {
  const life = fc
    .record({ from: fc.nat(SNAPSHOTS - 1), lasts: fc.nat(SNAPSHOTS), isLocal: fc.boolean() })
    .map(({ from, lasts, isLocal }) => ({ from, to: from + lasts, isLocal }));
  await fc.assert(
    fc.asyncProperty(fc.array(life, { maxLength: 60 }), async (lives) => {
      const feed = new Batcher(sourceOf(lives));
      let fresh = 0;
      let counted = 0;
      for (let i = 0; i < SNAPSHOTS; i++) {
        const batch = await feed.next();
        const { topology } = buildEndpoints({ ...batch, hostName: 'h', now: now(), names: () => undefined });
        for (const node of topology.nodes.values()) {
          if (!node.adjacency) continue;
          counted += countIn(node, 'conn_count') ?? 1;
          fresh += countIn(node, 'conn_new') ?? countIn(node, 'conn_count') ?? 1;
        }
      }
      assert.equal(fresh, lives.length);
      assert.equal(
        counted,
        lives.reduce((sum, { from, to }) => sum + Math.min(to, SNAPSHOTS - 1) - from + 1, 0),
      );
    }),
    { numRuns: 300 },
  );
});

test('sockets are found again wherever they are in the next batch, twice even, among few others and among many', () => {
  const socket = (id: number, state: number = TcpState.Established): Socket => ({
    ...{ id, state, local: '10.0.0.1', localPort: 1000 + id, remote: '192.0.2.1', remotePort: 80 },
  });
  const newInNext = (first: readonly number[], next: readonly Socket[]): number[] => {
    const reported = new SeenBefore();
    reported.mark(encode(first.map((id) => socket(id))));
    const batch = encode(next);
    reported.mark(batch);
    const flags = new Uint8Array(batch.records);
    return next.flatMap(({ id }, i) => (flags[i * RECORD_BYTES + OFFSET.flags]! & Flag.Reported ? [] : [id]));
  };
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 60 })),
      fc.array(fc.record({ id: fc.integer({ min: 1, max: 60 }), isClosed: fc.boolean() }), { size: 'large' }),
      (first, next) => {
        const sockets = next.map(({ id, isClosed }) =>
          socket(id, isClosed ? TcpState.Close : TcpState.Established),
        );
        const expected = next.map(({ id }) => id).filter((id) => !first.includes(id));
        assert.deepEqual(newInNext(first, sockets), expected);
      },
    ),
  );
});

test('live sockets beyond the bound are forgotten and counted, not mistaken for others', () => {
  const reported = new SeenBefore(2);
  const sockets = [1, 2, 3].map((id) => ({
    id,
    local: '10.0.0.1',
    localPort: 1000 + id,
    remote: '192.0.2.1',
    remotePort: 80,
    state: TcpState.Established,
  }));
  reported.mark(encode(sockets));
  assert.equal(reported.forgotten, 1);
  const again = encode(sockets);
  reported.mark(again);
  const { topology } = buildEndpoints({ ...again, hostName: 'h', now: now(), names: () => undefined });
  const fresh = [...topology.nodes.values()].filter(({ adjacency }) => adjacency);
  assert.equal(fresh.filter((node) => countIn(node, 'conn_new') === 0).length, 2);
});
