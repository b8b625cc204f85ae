/** A batch that would be the same again is not made again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Batcher } from '../../src/probe/batch/batcher.js';
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../../src/probe/records/source.js';
import { buildEndpoints, type Endpoints } from '../../src/probe/topology/index.js';
import { identifyProcesses } from '../../src/probe/batch/process-identity.js';
import { Direction, TcpState } from '../../src/probe/records/record.js';
import type { RecordBatch } from '../../src/probe/records/record-view.js';
import { now } from '../../src/report/model/timestamp.js';
import { client, encode, listener, server, type Connection, type Socket } from './records.js';

/** Tells what it is given; says so when that is the same as before and the feed may be told. */
class ScriptedSource implements ConnectionSource {
  readonly kind = 'ebpf';
  sockets: readonly Socket[] = [];
  /** Say that the sockets are those of the last snapshot, but for their counters. */
  sameSockets = false;
  readonly requests: SnapshotRequest[] = [];
  isBroken = false;
  #told: readonly Socket[] | undefined;

  snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    this.requests.push(request);
    if (this.isBroken) return Promise.reject(new Error('broken'));
    const unchanged = request.mayBeUnchanged === true && this.#told === this.sockets;
    this.#told = this.sockets;
    const { sameSockets } = this;
    const records = unchanged
      ? { records: new ArrayBuffer(0), recordCount: 0 }
      : intoMemory(encode(this.sockets), request.memory);
    return Promise.resolve({ ...records, unchanged, sameSockets, takenAtNanos: 0, lost: 0 });
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function intoMemory(batch: RecordBatch, memory?: ArrayBuffer): RecordBatch {
  if (memory === undefined || memory.byteLength < batch.records.byteLength) return batch;
  new Uint8Array(memory).set(new Uint8Array(batch.records));
  return { ...batch, records: memory };
}

const connection = (id: number): Socket =>
  client({ id, from: '10.0.0.1', fromPort: 40_000 + id, to: '10.0.0.2', toPort: 443 });

test('while nothing changes the feed hands out the last batch, once all in it was reported', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1), listener('0.0.0.0', 80)];
  const feed = new Batcher(source);
  await feed.next();
  const reported = await feed.next();
  const again = await feed.next();
  assert.deepEqual(
    source.requests.map(({ mayBeUnchanged }) => mayBeUnchanged),
    [false, false, true],
  );
  assert.equal(reported.unchanged, undefined);
  assert.equal(again.unchanged, true);
  assert.equal(again.recordCount, 2);
  assert.equal(again.records, reported.records);

  source.sockets = [connection(1), connection(2)];
  const changed = await feed.next();
  assert.equal(changed.unchanged, undefined);
  assert.equal(changed.recordCount, 2);
});

test('a batch with an end or a failed connect in it is not handed out again', async () => {
  for (const ended of [{ state: TcpState.Close }, { state: TcpState.Close, established: false }]) {
    const source = new ScriptedSource();
    source.sockets = [connection(1)];
    const feed = new Batcher(source);
    await feed.next();
    await feed.next();
    source.sockets = [connection(1), { ...connection(2), ...ended }];
    assert.equal((await feed.next()).recordCount, 2);
    await feed.next();
    assert.deepEqual(
      source.requests.map(({ mayBeUnchanged }) => mayBeUnchanged),
      [false, false, true, false],
    );
  }
});

test('memory of the last batch is lent for the next one, but never again when that one failed', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1)];
  const feed = new Batcher(source);
  const first = await feed.next();
  const second = await feed.next();
  source.isBroken = true;
  await assert.rejects(feed.next(), /broken/);
  source.isBroken = false;
  const afterwards = await feed.next();
  assert.deepEqual(
    source.requests.map(({ memory }) => memory),
    [undefined, first.records, second.records, undefined],
  );
  // Nobody knows what is in the memory of the second batch: it is not handed out again.
  assert.equal(afterwards.unchanged, undefined);
  assert.equal(afterwards.recordCount, 1);
});

const NOW = now();
const endpointsOf = (batch: RecordBatch & { readonly sameSockets?: boolean }): Endpoints => {
  const { gone, ...identified } = identifyProcesses(batch, () => undefined);
  const { sameSockets } = batch;
  return buildEndpoints({
    ...identified.batch,
    ...(sameSockets !== undefined && { sameSockets }),
    gone,
    hostName: 'vm',
    now: NOW,
    names: () => undefined,
  });
};

const counter = fc.constantFrom(0, 1, 1448, 70_000, 2 ** 33);
const counters = fc.record({
  bytesSent: counter,
  bytesReceived: counter,
  retransmits: fc.constantFrom(0, 1, 9),
  srttMicros: fc.constantFrom(0, 40, 250),
});
/** Few tuples, so that some are there twice, in groups large enough to be thinned. */
const sockets: fc.Arbitrary<Socket[]> = fc
  .array(
    fc.record({
      from: fc.constantFrom('127.0.0.1', '10.0.0.1', '::1'),
      fromPort: fc.integer({ min: 30_000, max: 30_100 }),
      to: fc.constantFrom('127.0.0.1', '10.0.0.2', '::1'),
      toPort: fc.constantFrom(80, 443, 30_050),
      fromPid: fc.constantFrom(0, 10, 11),
      toPid: fc.constantFrom(0, 20),
      isUnknown: fc.boolean(),
      seen: fc.constantFrom('client', 'server', 'both'),
    }),
    { maxLength: 200 },
  )
  .map((all) => [
    ...all.flatMap(({ isUnknown, seen, ...connection }, i) => {
      const of = (make: (connection: Connection) => Socket, id: number): Socket => ({
        ...make({ ...connection, id }),
        ...(isUnknown && { direction: Direction.Unknown }),
      });
      return [
        ...(seen === 'server' ? [] : [of(client, 2 * i + 1)]),
        ...(seen === 'client' ? [] : [of(server, 2 * i + 2)]),
      ];
    }),
    listener('0.0.0.0', 80),
  ]);

test('where only counters change the endpoints are what they would be if all was worked through again', async () => {
  await fc.assert(
    fc.asyncProperty(sockets, fc.infiniteStream(counters), async (all, changes) => {
      const source = new ScriptedSource();
      const feed = new Batcher(source);
      source.sockets = all;
      await feed.next();
      endpointsOf(await feed.next());
      source.sameSockets = true;
      for (let tick = 0; tick < 2; tick++) {
        source.sockets = all.map((socket) => ({ ...socket, ...(changes.next().value as Partial<Socket>) }));
        const batch = await feed.next();
        assert.equal(batch.sameSockets, true);
        const copy = { records: batch.records.slice(0), recordCount: batch.recordCount };
        const continued = endpointsOf(batch);
        assert.deepEqual(continued, endpointsOf(copy));
        // Once grouped elsewhere, the same memory is grouped again.
        assert.deepEqual(endpointsOf(batch), continued);
      }
    }),
  );
});

test('no batch continues one that had a connection for the first time', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1)];
  const feed = new Batcher(source);
  await feed.next();
  source.sameSockets = true;
  assert.equal((await feed.next()).sameSockets, undefined);
  source.sockets = [{ ...connection(1), bytesSent: 5 }];
  assert.equal((await feed.next()).sameSockets, true);
});
