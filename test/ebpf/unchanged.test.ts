/** Sockets that nothing happens to are not told of again, if that is wanted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Snapshot } from '../../src/probe/records/source.js';
import { RECORD } from '../../src/probe/records/layout.js';
import { createNamespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { countSockets, socketsIn } from '../support/socket-records.js';
import { needsRung, startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

/** For all sockets of this machine, and not so much that it would rather be given back. */
const ROOM = 1024 * 1024;

/** Something else on this machine may open or close a socket at any time. */
const ATTEMPTS = 50;

test(
  'a snapshot without changes has no records when it may, and all of them when it may not or something changed',
  { skip: ebpfSkip },
  async (t) => {
    const netns = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    const source = await startEbpf();
    t.after(() => source.close());
    await source.seeded();
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);

    await source.snapshot();
    let quiet = await source.snapshot({ mayBeUnchanged: true });
    for (let i = 0; i < ATTEMPTS && quiet.unchanged !== true; i++)
      quiet = await source.snapshot({ mayBeUnchanged: true });
    assert.equal(quiet.unchanged, true);
    assert.deepEqual([quiet.recordCount, quiet.records.byteLength], [0, 0]);

    const all = await source.snapshot();
    assert.notEqual(all.unchanged, true);
    assert.equal(countSockets(all, netns.inode).live, 2);

    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
    const changed = await source.snapshot({ mayBeUnchanged: true });
    assert.notEqual(changed.unchanged, true);
    assert.equal(countSockets(changed, netns.inode).live, 4);
  },
);

test(
  'records are put into memory that is lent for them where they fit, and nothing is read from behind them',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
    const source = await startEbpf();
    t.after(() => source.close());
    await source.seeded();

    const memory = new ArrayBuffer(ROOM);
    new Uint8Array(memory).fill(0xff);
    const fitting = await source.snapshot({ memory });
    assert.equal(fitting.records, memory);
    assert.equal(countSockets(fitting, netns.inode).live, 2);

    const tooSmall = new ArrayBuffer(RECORD.bytes);
    const elsewhere = await source.snapshot({ memory: tooSmall });
    assert.notEqual(elsewhere.records, tooSmall);
    assert.equal(countSockets(elsewhere, netns.inode).live, 2);
    assert.deepEqual(new Uint8Array(tooSmall), new Uint8Array(RECORD.bytes));

    const hugeForThese = new ArrayBuffer(64 * ROOM);
    assert.notEqual((await source.snapshot({ memory: hugeForThese })).records, hugeForThese);
  },
);

test(
  'where bytes went over known connections the sockets are said to be the same, where one was opened not',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const echo = createServer((socket) => socket.pipe(socket));
    t.after(() => echo.close());
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    const { port } = echo.address() as AddressInfo;
    const source = await startEbpf();
    t.after(() => source.close());
    await source.seeded();
    const open = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    };
    const socket = await open();
    await source.snapshot();

    const netns = statSync('/proc/self/ns/net').ino;
    const portsOf = (snapshot: Snapshot): number[] =>
      socketsIn(snapshot, netns).map(({ localPort }) => localPort);
    const sentFrom = (snapshot: Snapshot): number | undefined =>
      socketsIn(snapshot, netns).find(({ localPort }) => localPort === socket.localPort)?.bytesSent;
    let before = await source.snapshot();
    let after: Snapshot | undefined;
    for (let i = 0; i < ATTEMPTS && after?.sameSockets !== true; i++) {
      before = await source.snapshot();
      socket.write('x'.repeat(100));
      await once(socket, 'data');
      after = await source.snapshot();
    }
    assert.ok(after);
    assert.equal(after.sameSockets, true);
    assert.deepEqual(portsOf(after), portsOf(before));
    assert.equal(sentFrom(after), socket.bytesWritten);
    assert.equal(sentFrom(before), socket.bytesWritten - 100);

    await open();
    assert.notEqual((await source.snapshot()).sameSockets, true);
  },
);
