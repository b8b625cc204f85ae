/**
 * Connections that are older than the tracker, and whose server has stopped listening: no listener gives their
 * direction. Their counters do, whatever the ports, and the bytes that each side sent are exact.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Direction, DirectionEvidence, Flag } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import type { EbpfSource } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { startProgram, type Program } from '../support/program.js';
import { needsRung, startEbpf } from '../support/rung.js';
import { socketsIn, type SeenSocket } from '../support/socket-records.js';
import { ebpfSkip } from './requirements.js';

const PATIENCE = 500;
const WAIT_MS = 10;

/**
 * Accepts one connection, stops listening, says 3 bytes, and takes 5. A line on stdin has it close, or leave its FIN and
 * read on.
 */
const SERVER = `
import socket, sys
family, address, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
server = socket.socket(family)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((address, port)); server.listen()
print('listening', flush=True)
connection = server.accept()[0]
server.close()
connection.sendall(b'abc')
assert connection.recv(5, socket.MSG_WAITALL) == b'12345'
print('served', flush=True)
sys.stdin.readline()
connection.close()
sys.stdin.read()
`;
const CLIENT = `
import socket, sys
family, address, port, own = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = socket.socket(family)
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if own: client.bind(('', own))
client.connect((address, port))
client.sendall(b'12345')
assert client.recv(3, socket.MSG_WAITALL) == b'abc'
print('connected', flush=True)
sys.stdin.readline()
client.close()
sys.stdin.read()
`;

const python = (t: TestContext, { name }: Namespace, code: string, ...args: unknown[]): Promise<Program> =>
  startProgram(t, ['ip', 'netns', 'exec', name, 'python3', '-c', code, ...args.map(String)]);

/** The ends of the one connection, each in its namespace, of snapshots until both are, or have been, as wanted. */
async function until(
  source: EbpfSource,
  namespaces: readonly Namespace[],
  isWanted: (end: SeenSocket) => boolean,
): Promise<SeenSocket[]> {
  const found = new Map<Namespace, SeenSocket>();
  for (let i = 0; i < PATIENCE && found.size < namespaces.length; i++) {
    if (i > 0) await sleep(WAIT_MS);
    const snapshot = await source.snapshot();
    for (const netns of namespaces) {
      const end = socketsIn(snapshot, netns.inode).find(({ direction }) => direction !== Direction.Listener);
      if (end !== undefined && isWanted(end)) found.set(netns, end);
    }
  }
  return namespaces.map((netns) => found.get(netns) ?? assert.fail('an end never was as wanted'));
}

const isKnown = ({ direction }: SeenSocket): boolean => direction !== Direction.Unknown;
const isClosed = ({ state }: SeenSocket): boolean => state === TcpState.Close;
const seenOf = ({ direction, directionEvidence, bytesSent, bytesReceived, flags }: SeenSocket): unknown => ({
  direction,
  directionEvidence,
  bytesSent,
  bytesReceived,
  isSeeded: (flags & Flag.Seeded) !== 0,
});
const seenBefore = { directionEvidence: DirectionEvidence.Handshake, isSeeded: true };

for (const [family, clientAddress, serverAddress, prefix] of [
  [2, '10.77.1.1', '10.77.1.2', 24],
  [10, 'fd77::1', 'fd77::2', 64],
] as const)
  for (const [ownPort, port, first] of [
    [700, 2049, 'client'],
    [700, 50_051, 'server'],
    [50_051, 700, 'client'],
    [0, 80, 'server'],
    [9000, 9000, 'client'],
  ] as const)
    test(
      `${clientAddress} from port ${ownPort} to ${port}, the ${first} closes first`,
      { skip: ebpfSkip || needsRung('sockets') },
      async (t) => {
        const [here, there] = [createNamespace(t), createNamespace(t)];
        joinNamespaces(here, `${clientAddress}/${prefix}`, there, `${serverAddress}/${prefix}`);
        const server = await python(t, there, SERVER, family, serverAddress, port);
        const client = await python(t, here, CLIENT, family, serverAddress, port, ownPort);
        const source = await startEbpf();
        t.after(() => source.close());
        await source.seeded();
        const opened = { ...seenBefore, direction: Direction.Connected, bytesSent: 5, bytesReceived: 3 };
        const accepted = { ...seenBefore, direction: Direction.Accepted, bytesSent: 3, bytesReceived: 5 };
        const both = [here, there];
        assert.deepEqual((await until(source, both, isKnown)).map(seenOf), [opened, accepted]);
        for (const { child } of first === 'client' ? [client, server] : [server, client])
          child.stdin?.write('\n');
        assert.deepEqual((await until(source, both, isClosed)).map(seenOf), [opened, accepted]);
      },
    );
