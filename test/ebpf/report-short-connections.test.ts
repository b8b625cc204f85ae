/** Every short connection is counted, once, with both processes and the right direction: in every family and namespace. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { edgesTo } from '../support/edges.js';
import { createNamespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { needsRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 1000;
const MAX_KEPT = 5;
async function assertCounted(t: TestContext, address: string, netns?: string): Promise<void> {
  const server = await startNodeProgram(t, 'echo-server', [address], netns);
  let clientPid = 0;
  const report = await reportWhile(t, async () => {
    const client = await startNodeProgram(
      t,
      'short-connections',
      [address, server.firstLine, CONNECTIONS],
      netns,
    );
    clientPid = client.pid;
    assert.equal(client.firstLine, 'done');
  });

  const edges = edgesTo(report, server.firstLine);
  assert.equal(
    edges.reduce((sum, edge) => sum + edge.connections, 0),
    CONNECTIONS,
  );
  assert.ok(edges.length >= 1 && edges.length <= MAX_KEPT, `${edges.length} endpoints kept`);
  for (const edge of edges) {
    assert.equal(edge.fromPid, String(clientPid));
    assert.equal(edge.toPid, String(server.pid));
  }
  const reversed = Object.values(report.Endpoint.nodes).filter((node) =>
    node.adjacency?.some((to) => edges.some((edge) => edge.from === to)),
  );
  assert.deepEqual(reversed, []);
}

for (const [name, address] of [
  ['IPv4', '127.0.0.1'],
  ['IPv6', '::1'],
] as const) {
  test(
    `1,000 short connections over ${name} loopback are one edge of exactly 1,000`,
    { skip: ebpfSkip },
    (t) => assertCounted(t, address),
  );

  test(`the same over ${name} inside another network namespace`, { skip: ebpfSkip }, (t) =>
    assertCounted(t, address, createNamespace(t).name),
  );
}

test('a client that exited before the report still has its name', { skip: ebpfSkip }, async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  let clientPid = 0;
  let name = '';
  const report = await reportWhile(t, async () => {
    const client = await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, 1]);
    clientPid = client.pid;
    // Node.js calls itself node-MainThread.
    name = readFileSync(`/proc/${clientPid}/comm`, 'utf8').trim();
    const gone = once(client.child, 'exit');
    client.child.kill('SIGTERM');
    await gone;
  });
  const [edge] = edgesTo(report, server.firstLine);
  assert.equal(edge?.fromPid, String(clientPid));
  const process = Object.entries(report.Process.nodes).find(([id]) => id.endsWith(`;${clientPid}`))?.[1];
  assert.equal(process?.latest?.['name']?.value, name);
});

test(
  'what existed before the start has its processes and direction',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
    const client = await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
    const report = await reportWhile(t, async () => {
      const late = await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
      createInterface({ input: late.child.stdout ?? process.stdin }).close();
    });
    const edges = edgesTo(report, server.firstLine);
    assert.equal(edges.length, 2);
    const old = edges.find((edge) => edge.from.endsWith(`;${client.firstLine}`));
    assert.equal(old?.fromPid, String(client.pid));
    assert.equal(old.toPid, String(server.pid));
  },
);

test('a long watch counts more connections than there is room for at once', { skip: ebpfSkip }, async (t) => {
  const { name } = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
  const port = server.firstLine;
  const rounds = 10;
  const each = 200;
  const report = await reportWhile(
    t,
    async () => {
      await startNodeProgram(t, 'held-connection', ['127.0.0.1', port], name);
      for (let round = 0; round < rounds; round++) {
        await Promise.all([
          startNodeProgram(t, 'short-connections', ['127.0.0.1', port, each], name),
          sleep(1000),
        ]);
      }
    },
    { duration: '14s', env: { TOPOPROBE_MAX_CONNECTIONS_PER_NETNS: String(each * rounds) } },
  );
  assert.equal(
    edgesTo(report, port).reduce((sum, edge) => sum + edge.connections, 0),
    each * rounds + 1,
  );
});
