/** What /proc can't show is what the documentation says; faults are typed and harmless. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProcfsSource } from '../../src/probe/connections/procfs/index.js';
import { ProbeError } from '../../src/probe/errors.js';
import { Direction, OFFSET, RECORD } from '../../src/probe/records/layout.js';
import type { Snapshot } from '../../src/probe/records/source.js';
import { createNamespace } from '../support/namespace.js';
import { programPath, startNodeProgram } from '../support/program.js';
import { edgesTo, openProcfs } from './snapshot-edges.js';

const rootSkip = process.getuid?.() === 0 ? false : 'needs root: becomes another user';
const NOBODY = 65534;

function connectionsIn({ records, recordCount }: Snapshot, netns?: number): number {
  const view = new DataView(records);
  let count = 0;
  for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
    if (view.getUint8(at + OFFSET.direction) === Direction.Listener) continue;
    if (netns === undefined || view.getUint32(at + OFFSET.netns, true) === netns) count++;
  }
  return count;
}

test('a connection that opened and closed between two snapshots is missed', async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const source = await openProcfs(t);
  await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, 10]);
  assert.deepEqual(await edgesTo(source, server.firstLine), []);
});

test('an ordinary user sees every connection, but only own processes', { skip: rootSkip }, async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const child = spawn(process.execPath, [programPath('procfs-self'), server.firstLine], {
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  await once(child, 'close');
  const { pid, edges, counters } = JSON.parse(Buffer.concat(output).toString()) as {
    pid: number;
    edges: { fromPid?: string; toPid?: string }[];
    counters: Record<string, number>;
  };
  assert.deepEqual(
    edges.map(({ fromPid, toPid }) => [fromPid, toPid]),
    [[String(pid), undefined]],
  );
  assert.ok((counters['deniedProcesses'] ?? 0) > 0);
});

test('without a proc file system it says so, with a code', async (t) => {
  const empty = await mkdtemp(join(tmpdir(), 'no-proc-'));
  t.after(() => rm(empty, { recursive: true }));
  for (const procRoot of [empty, join(empty, 'absent')]) {
    await assert.rejects(
      createProcfsSource({ procRoot }),
      (error) =>
        error instanceof ProbeError && error.code === 'PROC_UNREADABLE' && error.message.includes(procRoot),
    );
  }
});

test('processes that come and go while it looks are skipped', async (t) => {
  const churn = spawn('sh', ['-c', 'while :; do true | true; done'], { stdio: 'ignore' });
  const ended = once(churn, 'exit');
  t.after(async () => {
    churn.kill('SIGKILL');
    await ended;
  });
  const source = await openProcfs(t);
  for (let i = 0; i < 10; i++) assert.ok((await source.snapshot()).recordCount >= 0);
});

test('connections over the limit are counted, and the others are reported', async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const source = await openProcfs(t, { maxRecords: 1 });
  const snapshot = await source.snapshot();
  assert.equal(connectionsIn(snapshot), 1);
  assert.equal(snapshot.lost, 0);
  assert.ok((snapshot.overflow?.live ?? 0) >= 1, `${snapshot.overflow?.live ?? 0} others`);
});

test('a namespace with many connections leaves room for the others', { skip: rootSkip }, async (t) => {
  const [busy, quiet] = [createNamespace(t), createNamespace(t)];
  for (const [{ name }, count] of [
    [busy, 4],
    [quiet, 1],
  ] as const) {
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
    for (let i = 0; i < count; i++)
      await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], name);
  }
  const snapshot = await (await openProcfs(t, { maxRecordsPerNetns: 3 })).snapshot();
  assert.deepEqual([connectionsIn(snapshot, busy.inode), connectionsIn(snapshot, quiet.inode)], [3, 2]);
  const overflow = snapshot.overflow?.namespaces.find(({ netns }) => netns === busy.inode);
  assert.equal(overflow?.live, 4 * 2 - 3);
  assert.equal(
    snapshot.overflow?.namespaces.find(({ netns }) => netns === quiet.inode),
    undefined,
  );
});

test('the same socket has the same id in every snapshot', async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const source = await openProcfs(t);
  const listenerId = async (): Promise<bigint | undefined> => {
    const { records, recordCount } = await source.snapshot();
    const view = new DataView(records);
    for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
      const isListener = view.getUint8(at + OFFSET.direction) === Direction.Listener;
      if (isListener && view.getUint16(at + OFFSET.localPort, true) === Number(server.firstLine))
        return view.getBigUint64(at, true);
    }
    return undefined;
  };
  const first = await listenerId();
  assert.notEqual(first, undefined);
  assert.equal(await listenerId(), first);
});

test('the event loop goes on while a snapshot is taken', async (t) => {
  const source = await openProcfs(t);
  let turns = 0;
  let running = true;
  const turn = (): void => {
    turns++;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await source.snapshot();
  running = false;
  assert.ok(turns > 1, `${turns} turns`);
});

test('after close a snapshot is refused, and closing again does nothing', async () => {
  const source = await createProcfsSource();
  await source.close();
  await source.close();
  await assert.rejects(
    source.snapshot(),
    (error) => error instanceof ProbeError && error.code === 'SOURCE_CLOSED',
  );
});
