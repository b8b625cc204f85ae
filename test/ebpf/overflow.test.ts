/**
 * The overflow: connections over the limit are counted per namespace, to the last one. Records and overflow are the truth.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EbpfSource, EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import type { Completeness, OverflowCounts, Snapshot } from '../../src/probe/records/source.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, type Program } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { countSockets } from '../support/socket-records.js';
import { startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

type Taken = Snapshot & { readonly completeness: Completeness };

const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
/** What churn sends each way over each connection. */
const PAYLOAD = 64;
const NOTHING: OverflowCounts = {
  live: 0,
  closed: 0,
  failed: 0,
  bytesSent: 0,
  bytesReceived: 0,
  retransmits: 0,
};

async function open(t: TestContext, options: EbpfSourceOptions): Promise<EbpfSource> {
  const source = await startEbpf(options);
  t.after(() => source.close());
  await source.seeded();
  await source.snapshot();
  return source;
}

/** Makes connections over loopback in a namespace, closed at both ends; returns how many. */
async function churn(netns: Namespace, connections: number): Promise<number> {
  const args = ['netns', 'exec', netns.name, CHURN, '-n', String(connections), '-c', '2'];
  const { stdout } = await promisify(execFile)('ip', args);
  return (JSON.parse(stdout) as { connections: number }).connections;
}

function overflowIn({ overflow }: Snapshot, { inode }: Namespace): OverflowCounts {
  return overflow?.namespaces.find(({ netns }) => netns === inode) ?? NOTHING;
}

function missedIn({ completeness }: Taken, { inode }: Namespace): number {
  return completeness.namespaces.find(({ netns }) => netns === inode)?.missed ?? 0;
}

/** Every end that closed is in a record or counted, with its bytes, and the kernel counted no more. */
function assertAllThere(taken: Taken, netns: Namespace, connections: number): void {
  const detail = countSockets(taken, netns.inode);
  const overflow = overflowIn(taken, netns);
  assert.equal(detail.closed + overflow.closed, connections * 2, JSON.stringify({ detail, overflow }));
  assert.equal(detail.bytesSent + overflow.bytesSent, connections * 2 * PAYLOAD);
  assert.equal(detail.bytesReceived + overflow.bytesReceived, connections * 2 * PAYLOAD);
  assert.equal(overflow.live, 0);
  assert.equal(missedIn(taken, netns), 0);
}

test('beyond the bound of a namespace, detail and group make up the truth', { skip: ebpfSkip }, async (t) => {
  const source = await open(t, { maxConnectionsPerNetns: 100 });
  const netns = createNamespace(t);
  const connections = await churn(netns, 3000);
  const taken = await source.snapshot();
  assert.equal(countSockets(taken, netns.inode).closed, 100);
  assertAllThere(taken, netns, connections);
  assert.equal(taken.lost, 0);
  const again = await churn(netns, 20);
  const later = await source.snapshot();
  assertAllThere(later, netns, again);
  assert.deepEqual(overflowIn(later, netns), NOTHING, 'there is room again');
  assert.ok((source.counters()['otherClosed'] ?? 0) >= connections * 2 - 100);
});

test('a busy namespace leaves room for a quiet one', { skip: ebpfSkip }, async (t) => {
  const source = await open(t, { maxConnections: 20_000, maxConnectionsPerNetns: 50 });
  const [busy, quiet] = [createNamespace(t), createNamespace(t)];
  const many = await churn(busy, 2000);
  const few = await churn(quiet, 10);
  const taken = await source.snapshot();
  assertAllThere(taken, busy, many);
  assert.equal(countSockets(taken, quiet.inode).closed, few * 2);
  assert.deepEqual(overflowIn(taken, quiet), NOTHING);
});

test('a kernel that stores no more records counts all the same', { skip: ebpfSkip }, async (t) => {
  // One socket has a record, somewhere on this machine: from the first snapshot on there is room for none.
  const elsewhere = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], elsewhere.name);
  const source = await startEbpf({ maxConnections: 1 });
  t.after(() => source.close());
  await source.seeded();
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], elsewhere.name);
  await source.snapshot();
  const netns = createNamespace(t);
  const connections = await churn(netns, 3000);
  const taken = await source.snapshot();
  assertAllThere(taken, netns, connections);
  const counters = source.counters();
  assert.ok((counters['untracked'] ?? 0) >= connections * 2);
  assert.ok((counters['stored'] ?? 0) < connections, 'sockets are gone, and so is what was stored');
});

async function hold(t: TestContext, netns: Namespace, port: string, count: number): Promise<Program[]> {
  const held: Program[] = [];
  for (let i = 0; i < count; i++)
    held.push(await startNodeProgram(t, 'held-connection', ['127.0.0.1', port], netns.name));
  return held;
}

async function end(program: Program): Promise<void> {
  const exited = once(program.child, 'exit');
  program.child.kill('SIGKILL');
  await exited;
}

test('live connections come out of the group as there is room', { skip: ebpfSkip }, async (t) => {
  const source = await open(t, { maxConnectionsPerNetns: 4 });
  const netns = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
  const held = await hold(t, netns, server.firstLine, 4);
  const full = await source.snapshot();
  // The listener is in detail, too.
  assert.equal(countSockets(full, netns.inode).live + overflowIn(full, netns).live, held.length * 2);
  assert.ok(overflowIn(full, netns).live >= 4);
  const idle = await source.snapshot();
  assert.deepEqual(overflowIn(idle, netns), overflowIn(full, netns), 'as long as there is no room they stay');
  for (const program of held.slice(1)) await end(program);
  let taken = await source.snapshot(); // that they closed
  while (countSockets(taken, netns.inode).live + overflowIn(taken, netns).live > 2)
    taken = await source.snapshot();
  taken = await source.snapshot();
  assert.equal(
    countSockets(taken, netns.inode).live,
    2,
    'nothing happened to these two, and they are reported',
  );
  assert.equal(overflowIn(taken, netns).live, 0);
  assert.equal(missedIn(taken, netns), 0);
});

test('failed connects beyond the bound are counted by themselves', { skip: ebpfSkip }, async (t) => {
  for (const options of [{ maxConnectionsPerNetns: 1 }, { maxConnections: 1 }]) {
    const source = await open(t, options);
    const netns = createNamespace(t);
    const script = `import socket
for _ in range(7):
    try: socket.create_connection(('127.0.0.1', 9))
    except ConnectionRefusedError: pass`;
    await promisify(execFile)('ip', ['netns', 'exec', netns.name, 'python3', '-c', script]);
    const taken = await source.snapshot();
    const detail = countSockets(taken, netns.inode);
    const overflow = overflowIn(taken, netns);
    assert.deepEqual([detail.closed + overflow.failed, overflow.closed], [7, 0]);
    assert.ok(overflow.failed >= 6);
    assert.equal(missedIn(taken, netns), 0);
  }
});

test(
  'a person who reads the report sees how much is without detail, and where',
  { skip: ebpfSkip },
  async (t) => {
    const netns = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
    const BOUND = 100;
    const connections = 500;
    const report = await reportWhile(
      t,
      async () => {
        const args = ['127.0.0.1', server.firstLine, connections];
        await startNodeProgram(t, 'short-connections', args, netns.name);
      },
      { env: { TOPOPROBE_MAX_CONNECTIONS_PER_NETNS: String(BOUND) } },
    );
    const [host] = Object.values(report.Host.nodes);
    const fact = (key: string): string => host?.latest?.[key]?.value ?? '';
    const here = new RegExp(`(?:^| )${netns.inode}=(\\d+)`).exec(fact('other_by_netns'))?.[1];
    const ends = connections * 2;
    // The listener is in detail, too.
    assert.ok(Number(here) === ends - BOUND || Number(here) === ends - BOUND + 1, fact('other_by_netns'));
    assert.ok(Number(fact('other_connections')) >= Number(here));
    assert.ok(Number(fact('other_bytes_sent')) >= Number(here) * PAYLOAD);
    assert.ok(Number(fact('other_bytes_received')) >= Number(here) * PAYLOAD);
    assert.equal(fact('connections_missed'), '0');
    assert.equal(fact('captured_percent'), '100');
    assert.equal(fact('records_lost'), '0');
  },
);
