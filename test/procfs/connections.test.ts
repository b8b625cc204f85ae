/** Connections that are open are seen with both processes and the right direction: every family, every namespace. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, startProgram } from '../support/program.js';
import { edgesTo, openProcfs } from './snapshot-edges.js';

const rootSkip = process.getuid?.() === 0 ? false : 'needs root: makes network namespaces';
const FORKING_SERVER = `
import os, socket, sys
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)
c, _ = s.accept()
os.fork()
sys.stdin.read()
`;
const ACCEPT_AND_HOLD = `
import socket, sys
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)
c, _ = s.accept()
sys.stdin.read()
`;
const HALF_CLOSE = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.shutdown(socket.SHUT_WR)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

async function assertSeen(
  t: TestContext,
  namespace: Namespace,
  listen: string,
  connect: string,
  [shownFrom, shownTo]: readonly [string, string],
): Promise<void> {
  const server = await startNodeProgram(t, 'echo-server', [listen], namespace.name);
  const client = await startNodeProgram(t, 'held-connection', [connect, server.firstLine], namespace.name);
  const source = await openProcfs(t);
  const scope = `vm-${namespace.inode}`;
  assert.deepEqual(await edgesTo(source, server.firstLine), [
    {
      from: `${scope};${shownFrom};${client.firstLine}`,
      to: `${scope};${shownTo};${server.firstLine}`,
      fromPid: String(client.pid),
      toPid: String(server.pid),
      count: 1,
    },
  ]);
}

for (const [name, listen, connect, shown] of [
  ['IPv4', '127.0.0.1', '127.0.0.1', ['127.0.0.1', '127.0.0.1']],
  ['IPv4 beyond 127.0.0.1', '127.4.5.6', '127.4.5.6', ['127.0.0.1', '127.4.5.6']],
  ['IPv6', '::1', '::1', ['::1', '::1']],
  ['IPv4 to an IPv6 wildcard listener', '::', '127.0.0.1', ['127.0.0.1', '127.0.0.1']],
  ['IPv4-mapped at both ends', '::ffff:127.0.0.1', '::ffff:127.0.0.1', ['127.0.0.1', '127.0.0.1']],
] as const) {
  test(`${name}, in a namespace of its own`, { skip: rootSkip }, (t) =>
    assertSeen(t, createNamespace(t), listen, connect, shown),
  );
}

test('the same addresses in two namespaces are two edges', { skip: rootSkip }, async (t) => {
  const port = '7777';
  for (const namespace of [createNamespace(t), createNamespace(t)]) {
    await startNodeProgram(t, 'echo-server', ['127.0.0.1', port], namespace.name);
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', port], namespace.name);
  }
  const edges = await edgesTo(await openProcfs(t), port);
  assert.equal(edges.length, 2);
  assert.equal(new Set(edges.flatMap(({ fromPid, toPid }) => [fromPid, toPid])).size, 4);
});

test('a namespace is read once, however many processes are in it', { skip: rootSkip }, async (t) => {
  const namespace = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], namespace.name);
  const { firstLine: port } = server;
  for (let i = 0; i < 3; i++)
    await startNodeProgram(t, 'held-connection', ['127.0.0.1', port], namespace.name);
  const { records, recordCount } = await (await openProcfs(t)).snapshot();
  const view = new DataView(records);
  let sockets = 0;
  for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
    if (view.getUint32(at + OFFSET.netns, true) === namespace.inode) sockets++;
  }
  assert.equal(sockets, 1 + 3 * 2);
});

test('a half-closed connection is still one', async (t) => {
  const server = await startProgram(t, ['python3', '-c', ACCEPT_AND_HOLD]);
  const client = await startProgram(t, ['python3', '-c', HALF_CLOSE, server.firstLine]);
  const [edge] = await edgesTo(await openProcfs(t), server.firstLine);
  assert.deepEqual([edge?.fromPid, edge?.toPid], [String(client.pid), String(server.pid)]);
});

test('of the holders of an accepted connection the child that serves it is named', async (t) => {
  const server = await startProgram(t, ['python3', '-c', FORKING_SERVER]);
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const source = await openProcfs(t);
  let toPid = 0;
  // The fork comes a moment after the connection is accepted.
  for (let i = 0; i < 100 && toPid <= server.pid; i++) {
    const [edge] = await edgesTo(source, server.firstLine);
    toPid = Number(edge?.toPid ?? 0);
  }
  assert.ok(toPid > server.pid, `${toPid} serves, ${server.pid} listens`);
  server.child.stdin?.end();
});
