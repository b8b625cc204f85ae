/** Sockets that are older than the tracker are known with their processes after the first half of its first sweep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { createNamespace } from '../support/namespace.js';
import { startProgram } from '../support/program.js';
import { socketsIn } from '../support/socket-records.js';
import { ebpfSkip } from './requirements.js';

/** Has more sockets than the smaller ring has room for; both ends are its own, and each connection carries three bytes. */
const CONNECTIONS = 600;
const HOLDER = `
import resource, socket, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
server = socket.create_server(('127.0.0.1', 0))
held = []
for _ in range(int(sys.argv[1])):
    held.append(socket.create_connection(server.getsockname()))
    held.append(server.accept()[0])
    held[-2].sendall(b'abc')
    held[-1].recv(3, socket.MSG_WAITALL)
print('ready', flush=True)
sys.stdin.read()
`;
import { loadOnRung, needsRung, startEbpf } from '../support/rung.js';
const SMALL_RING_BYTES = 65_536;
/** A table of sockets has no more places than this many, or the fewest there are. */
const FEW = 1;
/** The drain thread comes to what is in the ring within so many milliseconds on any machine. */
const PATIENCE_MS = 20_000;

for (const ringBytes of [4 << 20, SMALL_RING_BYTES])
  test(
    `all of them are in the next snapshot, with their processes and bytes, by a ring of ${ringBytes} bytes`,
    { skip: ebpfSkip || needsRung('files') },
    async (t) => {
      const netns = createNamespace(t);
      const command = ['python3', '-c', HOLDER, String(CONNECTIONS)];
      const holder = await startProgram(t, ['ip', 'netns', 'exec', netns.name, ...command]);
      const source = await startEbpf({ ringBytes });
      t.after(() => source.close());
      await source.seeded();
      assert.equal(source.counters()['sweeps'], 0, 'who else holds them is not waited for');
      const sockets = socketsIn(await source.snapshot(), netns.inode);
      assert.deepEqual(new Set(sockets.map(({ pid }) => pid)), new Set([holder.pid]));
      const ends = sockets.filter(({ direction }) => direction !== Direction.Listener);
      assert.equal(sockets.length - ends.length, 1);
      assert.equal(ends.length, CONNECTIONS * 2);
      assert.ok(ends.every(({ state }) => state === TcpState.Established));
      assert.equal(ends.filter(({ bytesReceived }) => bytesReceived === 3).length, CONNECTIONS);
    },
  );

test(
  'those that the table has no place for are sent as they are found, and taken meanwhile: no snapshot is needed for that',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const netns = createNamespace(t);
    const command = ['python3', '-c', HOLDER, String(CONNECTIONS)];
    await startProgram(t, ['ip', 'netns', 'exec', netns.name, ...command]);
    const tracker = await loadOnRung({ ringBytes: SMALL_RING_BYTES, maxConnections: FEW });
    t.after(() => tracker.close());
    await tracker.sweepAdopt();
    for (let waited = 0; (await tracker.counters()).live === 0; waited += 10) {
      assert.ok(waited < PATIENCE_MS, 'the drain thread was woken');
      await sleep(10);
    }
  },
);
