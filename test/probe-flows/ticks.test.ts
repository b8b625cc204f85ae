/** From tick to tick: what is new is new once, what is the same is not read again, and after a tick that failed everything is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import type { Node } from '../../src/report/model/model.js';
import { WatchedSource } from '../support/watched-source.js';
import { client, listener, type Socket } from './records.js';
import { ScriptedSource } from './scripted-source.js';

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
  const own = { ...ids, local: '10.0.0.1', localPort: 1024 + i, remote: '10.0.0.1', remotePort: 80, pid: 7 };
  if (!life.isLocal) return [{ ...own, remote: '192.0.2.1' }];
  const direction = Direction.Accepted;
  return [own, { ...own, id: ids.id + 1, localPort: 80, remotePort: own.localPort, direction, pid: 8 }];
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
      const source = new ScriptedSource();
      const watched = new WatchedSource(source);
      let fresh = 0;
      let counted = 0;
      for (let snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
        source.sockets = lives.flatMap((one, i) => socketsOf(one, i, snapshot));
        for (const node of (await watched.next()).nodes.values()) {
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

const connection = (id: number): Socket =>
  client({ id, from: '10.0.0.1', fromPort: 40_000 + id, to: '10.0.0.2', toPort: 443 });

const liveIn = ({ state }: WatchedSource): number =>
  (state.wholeReport().flows ?? []).reduce((sum, { live }) => sum + live, 0);

test('a snapshot without news leaves all as it is, and statements say so', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1), listener('0.0.0.0', 80)];
  const watched = new WatchedSource(source);
  await watched.next();
  const { snapshot, result } = await watched.next();
  assert.deepEqual(
    source.requests.map(({ changesOnly }) => changesOnly),
    [false, true],
  );
  assert.deepEqual([snapshot.isWhole, snapshot.recordCount], [false, 0]);
  assert.deepEqual([result.connections, result.listeners, liveIn(watched)], [1, 1, 1]);
  assert.deepEqual(watched.state.statementSince(1).flows, []);
  source.sockets = [connection(1), connection(2)];
  await watched.next();
  assert.equal(liveIn(watched), 2);
});

test('changes are asked for where all snapshots were taken in, and everything after one that was not', async () => {
  const source = new ScriptedSource();
  source.sockets = [connection(1)];
  const watched = new WatchedSource(source);
  await watched.next();
  await watched.next();
  source.isBroken = true;
  await assert.rejects(watched.next(), /broken/);
  source.isBroken = false;
  const { snapshot: afterwards } = await watched.next();
  await watched.next();
  assert.deepEqual(
    source.requests.map(({ changesOnly }) => changesOnly),
    [false, true, true, false, true],
  );
  assert.equal(afterwards.isWhole, true);
  assert.equal(liveIn(watched), 1);
});

test('a connect that waits for an answer is one for as long as it waits, and failed once in the end', async () => {
  const source = new ScriptedSource();
  const watched = new WatchedSource(source);
  const waiting: Socket = {
    ...{ ...connection(1), pid: 10 },
    established: false,
    state: TcpState.SynSent,
    startNanos: 1,
  };
  const failuresAt = async (nanos: number, ...sockets: Socket[]): Promise<object> => {
    source.takenAtNanos = nanos;
    source.sockets = sockets;
    const { report } = await watched.next();
    return Object.assign({}, ...(report.flows ?? []).map(({ failed }) => failed)) as object;
  };
  assert.deepEqual(await failuresAt(5e8, waiting), {});
  assert.deepEqual(await failuresAt(2e9, waiting), { 'no answer': 1 });
  assert.deepEqual(await failuresAt(3e9, waiting, { ...waiting, id: 99, localPort: 41_000 }), {
    'no answer': 2,
  });
  assert.deepEqual(await failuresAt(4e9, waiting), { 'no answer': 1 });
  assert.deepEqual(await failuresAt(5e9, { ...waiting, state: TcpState.Close, errno: 110 }), {
    'timed out': 1,
  });
  assert.deepEqual(await failuresAt(6e9), {});
});

test('who listened last where nobody answers is a fact of the server’s end', async () => {
  const source = new ScriptedSource();
  const watched = new WatchedSource(source, { namespacesOf: () => [4026531840] });
  const refused = (id: number): Socket => ({
    ...client({ id, from: '10.0.0.1', fromPort: 40_000 + id, to: '10.0.0.1', toPort: 80, fromPid: 10 }),
    established: false,
    state: TcpState.Close,
    errno: 111,
  });
  const lastListener = async (...sockets: Socket[]): Promise<(string | undefined)[]> => {
    source.sockets = sockets;
    const { latest } = (await watched.next()).nodes.get(';10.0.0.1;80') ?? {};
    return ['last_listener_name', 'last_listener_listens'].map((key) => latest?.get(key)?.value);
  };
  assert.deepEqual(await lastListener(refused(1)), [undefined, undefined]);
  const nginx = listener('0.0.0.0', 80, { pid: 20, comm: 'nginx' });
  assert.deepEqual(await lastListener(nginx, refused(2)), ['nginx', 'yes']);
  assert.deepEqual(await lastListener(refused(3)), ['nginx', undefined]);
});
