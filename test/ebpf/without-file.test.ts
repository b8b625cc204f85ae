/**
 * Sockets that belong to no open file: connections that nobody has accepted yet, and those that their process has left
 * before all was sent. No iterator over files comes by them; events and their namespace's own iterator do.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EbpfSource } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startProgram, type Program } from '../support/program.js';
import { needsRung, rung, startEbpf } from '../support/rung.js';
import { socketsIn, type SeenSocket } from '../support/socket-records.js';
import { ebpfSkip } from './requirements.js';

const SENT = 1000;
/** More than both ends' buffers have room for. */
const MUCH = 16 << 20;
const PATIENCE = 2000;

/** Listens, and accepts and reads only when told to (a line on its stdin); prints its port, then what it read. */
const LAZY_SERVER = `
import socket, sys
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1], flush=True)
sys.stdin.readline()
connection = server.accept()[0]
read = 0
while piece := connection.recv(1 << 20): read += len(piece)
print(read, flush=True)
sys.stdin.read()
`;
/** Sends as much as goes at once, closes, prints how much that was; the kernel goes on with it. */
const SENDER = `
import socket, sys
port, wanted = int(sys.argv[1]), int(sys.argv[2])
client = socket.create_connection(('127.0.0.1', port))
client.setblocking(False)
sent = 0
try:
    while sent < wanted: sent += client.send(b'x' * min(1 << 16, wanted - sent))
except BlockingIOError: pass
if sys.argv[3] == 'leave': client.close()
print(sent, flush=True)
sys.stdin.read()
`;

const python = (
  t: TestContext,
  { name }: Namespace,
  code: string,
  ...args: readonly string[]
): Promise<Program> => startProgram(t, ['ip', 'netns', 'exec', name, 'python3', '-c', code, ...args]);

async function start(t: TestContext): Promise<EbpfSource> {
  const source = await startEbpf();
  t.after(() => source.close());
  await source.seeded();
  return source;
}

/** The ends of a namespace's connections that `isWanted`, of snapshots until there is one. */
async function until(
  source: EbpfSource,
  { inode }: Namespace,
  what: string,
  isWanted: (socket: SeenSocket) => boolean,
): Promise<SeenSocket> {
  for (let i = 0; i < PATIENCE; i++) {
    const found = socketsIn(await source.snapshot(), inode).find(
      (socket) => socket.direction !== Direction.Listener && isWanted(socket),
    );
    if (found !== undefined) return found;
    await sleep(10);
  }
  return assert.fail(`no ${what} was reported`);
}

test('a connection that nobody has accepted is its listener’s', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const source = await start(t);
  const server = await python(t, netns, LAZY_SERVER);
  await python(t, netns, SENDER, server.firstLine, String(SENT), 'stay');
  const end = socketsIn(await source.snapshot(), netns.inode).find(
    ({ direction }) => direction === Direction.Accepted,
  );
  assert.deepEqual([end?.state, end?.pid], [TcpState.Established, server.pid]);
  if (rung !== 'events') assert.equal(end?.bytesReceived, SENT);
  server.child.stdin?.write('\n');
  if (rung === 'events') return;
  await until(source, netns, 'accepted end', ({ direction, bytesReceived }) => {
    return direction === Direction.Accepted && bytesReceived === SENT;
  });
});

test(
  'what is still being sent for a process that has closed it lives, and ends with all its bytes',
  { skip: ebpfSkip },
  async (t) => {
    const netns = createNamespace(t);
    const source = await start(t);
    const server = await python(t, netns, LAZY_SERVER);
    const sender = await python(t, netns, SENDER, server.firstLine, String(MUCH), 'leave');
    const sent = Number(sender.firstLine);
    assert.ok(sent > 0 && sent < MUCH, 'it did not all go at once');
    for (let i = 0; i < 3; i++) {
      const left = socketsIn(await source.snapshot(), netns.inode).find(
        ({ direction }) => direction === Direction.Connected,
      );
      assert.deepEqual([left?.state, left?.pid], [TcpState.FinWait1, sender.pid]);
    }
    server.child.stdin?.write('\n');
    const ended = await until(source, netns, 'end', ({ direction, state }) => {
      return direction === Direction.Connected && state === TcpState.Close;
    });
    assert.equal(ended.bytesSent, sent);
  },
);

test(
  'bytes sent meanwhile are reported where the namespace may be entered',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const netns = createNamespace(t);
    const source = await start(t);
    const server = await python(t, netns, LAZY_SERVER);
    const sender = await python(t, netns, SENDER, server.firstLine, String(MUCH), 'leave');
    const left = socketsIn(await source.snapshot(), netns.inode).find(
      ({ direction }) => direction === Direction.Connected,
    );
    assert.ok(left !== undefined && left.bytesSent > 0 && left.bytesSent < Number(sender.firstLine));
  },
);
