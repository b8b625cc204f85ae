/**
 * MPTCP: a process has one socket open, and its bytes go over subflows, each a TCP socket without a file. One connection is
 * reported, with its processes, whether it is older than the probe or not.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespace, joinNamespaces, pairedDevice, type Namespace } from '../support/namespace.js';
import { startProgram, type Program } from '../support/program.js';
import { needsRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';
import { edgesTo, fact, watch, type Seen } from './seen-scenario.js';

const skip =
  ebpfSkip ||
  needsRung('files') ||
  (existsSync('/proc/sys/net/mptcp/enabled') ? false : 'needs MPTCP in the kernel');

const SERVER = '10.77.3.2';
const PATIENCE = 400;
const WAIT_MS = 25;

/** A listener of MPTCP whose children serve what it accepts: they answer, or only read, and keep it open. */
const FORKING_SERVER = `
import os, socket, sys
MPTCP = 262
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], int(sys.argv[2]))); server.listen()
print(os.getpid(), flush=True)
while True:
    connection = server.accept()[0]
    if os.fork() == 0:
        server.close()
        connection.recv(1)
        connection.sendall(b'%7d' % os.getpid())
        while connection.recv(1 << 16): pass
        connection.close()
        os._exit(0)
    connection.close()
`;
/** Says which process serves it, and sends more with each line on stdin. */
const CLIENT = `
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(sys.argv[3]))
if int(sys.argv[4]): client.bind(('', int(sys.argv[4])))
client.connect((sys.argv[1], int(sys.argv[2])))
client.sendall(b'x')
print(int(client.recv(7, socket.MSG_WAITALL)), flush=True)
for line in sys.stdin:
    for _ in range(int(line)): client.sendall(b'y' * 1000)
`;
const MPTCP = 262;
const TCP = 6;

interface Network {
  readonly client: Namespace;
  readonly server: Namespace;
}

/** Two namespaces; the client's has two addresses, and its connections go over both. */
function createNetwork(t: TestContext): Network {
  const [client, server] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(client, '10.77.3.1/24', server, `${SERVER}/24`);
  const device = pairedDevice(client);
  const ip = (netns: Namespace, ...args: string[]): void => {
    execFileSync('ip', ['-n', netns.name, ...args]);
  };
  ip(client, 'address', 'add', '10.77.3.11/24', 'dev', device);
  for (const netns of [client, server]) ip(netns, 'mptcp', 'limits', 'set', 'subflow', '2');
  ip(client, 'mptcp', 'endpoint', 'add', '10.77.3.11', 'dev', device, 'subflow');
  return { client, server };
}

const serve = (t: TestContext, { server }: Network, port: number): Promise<Program> =>
  startProgram(t, [
    ...['ip', 'netns', 'exec', server.name, 'unshare', '--fork', '--kill-child'],
    ...['python3', '-c', FORKING_SERVER, SERVER, String(port)],
  ]);

const call = (
  t: TestContext,
  { client }: Network,
  port: number,
  protocol: number,
  own = 0,
): Promise<Program> =>
  startProgram(t, [
    ...['ip', 'netns', 'exec', client.name, 'python3', '-c', CLIENT],
    ...[SERVER, port, protocol, own].map(String),
  ]);

/** Subflows join after the connection is made. */
async function joined({ client }: Network, count: number): Promise<void> {
  for (let i = 0; i < PATIENCE; i++) {
    if (i > 0) await sleep(WAIT_MS);
    const sockets = execFileSync('ip', ['netns', 'exec', client.name, 'ss', '-Htn', 'state', 'established'], {
      encoding: 'utf8',
    });
    if (sockets.split('\n').filter((line) => line !== '').length >= count) return;
  }
  assert.fail('no subflow joined');
}

/** Edges to a port once they are as wanted, or as they are in the end. */
async function edges(seen: Seen, port: number, wanted: readonly string[]): Promise<string[]> {
  let found: string[] = [];
  for (let i = 0; i < PATIENCE; i++) {
    if (i > 0) await sleep(WAIT_MS);
    const nodes = await seen.nodes();
    found = [...edgesTo(nodes, new Set([port]), /./)].map(([edge, count]) => `${edge} x ${count}`).sort();
    if (String(found) === String(wanted)) break;
  }
  return found;
}

const subflowsTo = async (seen: Seen, port: number): Promise<(string | undefined)[]> =>
  [...(await seen.nodes()).values()]
    .filter(({ adjacency }) => adjacency?.some((to) => to.endsWith(`;${port}`)))
    .map((node) => fact(node, 'mptcp_subflows'));

for (const isOlder of [true, false])
  test(
    `a connection ${isOlder ? 'that is older' : 'made while it is watched'} is one, whatever its subflows, and the child's that serves it`,
    { skip },
    async (t) => {
      const network = createNetwork(t);
      const port = 8443;
      await serve(t, network, port);
      const before = isOlder ? undefined : await watch(t);
      const client = await call(t, network, port, MPTCP);
      await joined(network, 2);
      const seen = before ?? (await watch(t));
      const wanted = [`${client.pid} > ${client.firstLine} : ${port} x 1`];
      assert.deepEqual(await edges(seen, port, wanted), wanted);
      assert.deepEqual(await subflowsTo(seen, port), ['2']);
      client.child.stdin?.write('3000\n');
      const sent = 1 + 3_000_000;
      let bytes: number[] = [];
      for (let i = 0; i < PATIENCE && bytes[0] !== sent; i++) {
        if (i > 0) await sleep(WAIT_MS);
        bytes = [...(await seen.nodes()).values()]
          .filter(({ adjacency }) => adjacency?.some((to) => to.endsWith(`;${port}`)))
          .map((node) => Number(fact(node, 'bytes_sent')));
      }
      assert.equal(bytes.length, 1);
      assert.ok(bytes[0]! >= sent, `${bytes[0]} bytes: some may go over both`);
    },
  );

test(
  'a plain client of an MPTCP listener, on a lower port and from before, is the client',
  { skip },
  async (t) => {
    const network = createNetwork(t);
    const port = 50_051;
    await serve(t, network, port);
    const client = await call(t, network, port, TCP, 700);
    const seen = await watch(t);
    const wanted = [`${client.pid} > ${client.firstLine} : ${port} x 1`];
    assert.deepEqual(await edges(seen, port, wanted), wanted);
    assert.deepEqual(await subflowsTo(seen, port), [undefined]);
  },
);

test(
  'a client of MPTCP whose server has none falls back to TCP, and is reported as that',
  { skip },
  async (t) => {
    const network = createNetwork(t);
    execFileSync('ip', ['netns', 'exec', network.server.name, 'sysctl', '-qw', 'net.mptcp.enabled=0']);
    const port = 8080;
    const plain = FORKING_SERVER.replace('MPTCP = 262', 'MPTCP = 6');
    await startProgram(t, [
      ...['ip', 'netns', 'exec', network.server.name, 'unshare', '--fork', '--kill-child'],
      ...['python3', '-c', plain, SERVER, String(port)],
    ]);
    const seen = await watch(t);
    const client = await call(t, network, port, MPTCP);
    const wanted = [`${client.pid} > ${client.firstLine} : ${port} x 1`];
    assert.deepEqual(await edges(seen, port, wanted), wanted);
    assert.deepEqual(await subflowsTo(seen, port), [undefined]);
  },
);
