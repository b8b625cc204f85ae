/** A batch that would be the same again is not made again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionFeed } from '../../src/probe/connections/feed.js';
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../../src/probe/connections/source.js';
import { TcpState } from '../../src/probe/topology/record.js';
import { client, encode, listener, type Socket } from './records.js';

/** Tells what it is given; says so when that is the same as before and the feed may be told. */
class ScriptedSource implements ConnectionSource {
  readonly kind = 'ebpf';
  sockets: readonly Socket[] = [];
  readonly requests: SnapshotRequest[] = [];
  isBroken = false;
  #told: readonly Socket[] | undefined;

  snapshot(request: SnapshotRequest = {}): Promise<Snapshot> {
    this.requests.push(request);
    if (this.isBroken) return Promise.reject(new Error('broken'));
    const unchanged = request.mayBeUnchanged === true && this.#told === this.sockets;
    this.#told = this.sockets;
    const records = unchanged ? { records: new ArrayBuffer(0), recordCount: 0 } : encode(this.sockets);
    return Promise.resolve({ ...records, unchanged, takenAtNanos: 0, lost: 0 });
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const connection = (id: number): Socket =>
  client({ id, from: '10.0.0.1', fromPort: 40_000 + id, to: '10.0.0.2', toPort: 443 });

test('while nothing changes the feed hands out the last batch, once all in it was reported', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1), listener('0.0.0.0', 80)];
  const feed = new ConnectionFeed(source);
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
    const feed = new ConnectionFeed(source);
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
  const feed = new ConnectionFeed(source);
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
