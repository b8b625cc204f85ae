/**
 * What is beyond the bounds on detail is counted, per namespace and to the last connection, and what is in detail and
 * what is not make up the truth.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EbpfSource, EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import type { Completeness, OtherCounts, Snapshot } from '../../src/probe/records/source.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, type Program } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { countSockets } from '../support/socket-records.js';
import { startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

type Told = Snapshot & { readonly completeness: Completeness };

const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
/** What churn sends each way over each connection. */
const PAYLOAD = 64;
const NOTHING: OtherCounts = {
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

function otherIn({ other }: Snapshot, { inode }: Namespace): OtherCounts {
  return other?.namespaces.find(({ netns }) => netns === inode) ?? NOTHING;
}

function missedIn({ completeness }: Told, { inode }: Namespace): number {
  return completeness.namespaces.find(({ netns }) => netns === inode)?.missed ?? 0;
}

/** Every end that closed is in a record or counted, with its bytes, and the kernel counted no more. */
function assertAllThere(told: Told, netns: Namespace, connections: number): void {
  const detail = countSockets(told, netns.inode);
  const other = otherIn(told, netns);
  assert.equal(detail.closed + other.closed, connections * 2, JSON.stringify({ detail, other }));
  assert.equal(detail.bytesSent + other.bytesSent, connections * 2 * PAYLOAD);
  assert.equal(detail.bytesReceived + other.bytesReceived, connections * 2 * PAYLOAD);
  assert.equal(other.live, 0);
  assert.equal(missedIn(told, netns), 0);
}

test('beyond the bound of a namespace, detail and group make up the truth', { skip: ebpfSkip }, async (t) => {
  const source = await open(t, { maxConnectionsPerNetns: 100 });
  const netns = createNamespace(t);
  const connections = await churn(netns, 3000);
  const told = await source.snapshot();
  assert.equal(countSockets(told, netns.inode).closed, 100);
  assertAllThere(told, netns, connections);
  assert.equal(told.lost, 0);
  const again = await churn(netns, 20);
  const later = await source.snapshot();
  assertAllThere(later, netns, again);
  assert.deepEqual(otherIn(later, netns), NOTHING, 'there is room again');
  assert.ok((source.counters()['otherClosed'] ?? 0) >= connections * 2 - 100);
});

test('a busy namespace leaves room for a quiet one', { skip: ebpfSkip }, async (t) => {
  const source = await open(t, { maxConnections: 20_000, maxConnectionsPerNetns: 50 });
  const [busy, quiet] = [createNamespace(t), createNamespace(t)];
  const many = await churn(busy, 2000);
  const few = await churn(quiet, 10);
  const told = await source.snapshot();
  assertAllThere(told, busy, many);
  assert.equal(countSockets(told, quiet.inode).closed, few * 2);
  assert.deepEqual(otherIn(told, quiet), NOTHING);
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
  const told = await source.snapshot();
  assertAllThere(told, netns, connections);
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
  assert.equal(countSockets(full, netns.inode).live + otherIn(full, netns).live, held.length * 2);
  assert.ok(otherIn(full, netns).live >= 4);
  const idle = await source.snapshot();
  assert.deepEqual(otherIn(idle, netns), otherIn(full, netns), 'as long as there is no room they stay');
  for (const program of held.slice(1)) await end(program);
  let told = await source.snapshot(); // that they closed
  while (countSockets(told, netns.inode).live + otherIn(told, netns).live > 2) told = await source.snapshot();
  told = await source.snapshot();
  assert.equal(
    countSockets(told, netns.inode).live,
    2,
    'nothing happened to these two, and they are told of',
  );
  assert.equal(otherIn(told, netns).live, 0);
  assert.equal(missedIn(told, netns), 0);
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
    const told = await source.snapshot();
    const detail = countSockets(told, netns.inode);
    const other = otherIn(told, netns);
    assert.deepEqual([detail.closed + other.failed, other.closed], [7, 0]);
    assert.ok(other.failed >= 6);
    assert.equal(missedIn(told, netns), 0);
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
