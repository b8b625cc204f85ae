/** The probe knows what it did not see: the kernel's own counters are held against the tracker's. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EbpfSource, EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { createNamespace, joinNamespaces } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { countSockets } from '../support/socket-records.js';
import { startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 500;
const ENDS = CONNECTIONS * 2;
const CHURN = fileURLToPath(new URL('../../churn', import.meta.url));
const SMALLEST_RING = 4096;
/** Has room for all ends of a churn. */
const LARGE_RING = 64 * 1024 * 1024;

async function openSource(t: TestContext, options: EbpfSourceOptions = {}): Promise<EbpfSource> {
  const source = await startEbpf(options);
  t.after(() => source.close());
  await source.seeded();
  return source;
}

/** The kernel's table of sockets has as many: more than are live at a time, and less than a churn makes. */
const FEW_PLACES = 1024;

/**
 * Runs a churn in a namespace, in whose time nobody of this process reads anything.
 * @param left ends that are there before and after it
 * @returns how many ends it made
 */
async function unreadChurn(netns: string, left: number): Promise<number> {
  const script = `
    trap 'kill -CONT ${process.pid}' EXIT
    kill -STOP ${process.pid}
    '${CHURN}' -s 1 -c 8
    for try in $(seq 1000); do
      [ "$(ss -Htn state connected exclude time-wait | wc -l)" = ${left} ] && break
      sleep 0.01
    done`;
  const { stdout } = await promisify(execFile)('ip', ['netns', 'exec', netns, 'sh', '-c', script]);
  return (JSON.parse(stdout) as { connections: number }).connections * 2;
}

for (const [bound, options] of [
  ['', {}],
  [', with few connections in detail', { maxConnectionsPerNetns: 100 }],
] as const) {
  test(
    `what the ring lost is missed, where it was, and what lives is known still${bound}`,
    { skip: ebpfSkip },
    async (t) => {
      const netns = createNamespace(t);
      const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
      const source = await openSource(t, {
        ringBytes: SMALLEST_RING,
        maxConnections: FEW_PLACES,
        ...options,
      });
      await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine], netns.name);
      const HELD = 2;
      await source.snapshot();
      const opened = HELD + (await unreadChurn(netns.name, HELD));
      const last = await source.snapshot();
      const detail = countSockets(last, netns.inode);
      const overflow = last.overflow?.namespaces.find(({ netns: inode }) => inode === netns.inode);
      assert.equal(detail.live + (overflow?.live ?? 0), HELD, 'in the very tick that finds the loss');
      const seen = HELD + detail.closed + (overflow?.closed ?? 0);
      assert.ok(last.lost > 0, 'the ring was full');
      assert.ok(opened - seen > 0 && opened - seen <= last.lost);
      assert.deepEqual(
        last.completeness.namespaces.find(({ netns: inode }) => inode === netns.inode),
        { netns: netns.inode, opened, missed: opened - seen },
      );
      const after = await source.snapshot();
      const { live, closed } = countSockets(after, netns.inode);
      assert.deepEqual([after.lost, live, closed], [0, HELD, 0]);
    },
  );
}

test(
  'a socket whose place in the table another needed is reported by the ring, and no socket twice',
  { skip: ebpfSkip },
  async (t) => {
    const netns = createNamespace(t);
    const source = await openSource(t, { ringBytes: LARGE_RING, maxConnections: FEW_PLACES });
    await source.snapshot();
    const opened = await unreadChurn(netns.name, 0);
    assert.ok(opened > 2 * FEW_PLACES);
    const { lost, overflow, ...last } = await source.snapshot();
    const ofNetns = ({ netns: inode }: { netns: number }): boolean => inode === netns.inode;
    const { live, closed } = countSockets(last, netns.inode);
    assert.deepEqual(
      [lost, live, closed + (overflow?.namespaces.find(ofNetns)?.closed ?? 0)],
      [0, 0, opened],
    );
  },
);

test('nothing is missed where there was room, and the report says so', { skip: ebpfSkip }, async (t) => {
  const { name } = createNamespace(t);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
  const report = await reportWhile(t, async () => {
    await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, CONNECTIONS], name);
  });
  const [host] = Object.values(report.Host.nodes);
  const fact = (key: string): string | undefined => host?.latest?.[key]?.value;
  assert.equal(fact('connection_source'), 'ebpf');
  assert.ok(Number(fact('connections_opened')) >= ENDS);
  assert.equal(fact('connections_missed'), '0');
  assert.equal(fact('captured_percent'), '100');
  assert.equal(fact('records_lost'), '0');
});

test('connects that are still pending are not missed', { skip: ebpfSkip }, async (t) => {
  const near = createNamespace(t);
  joinNamespaces(near, '192.0.2.1/24', createNamespace(t), '192.0.2.2/24');
  const source = await openSource(t);
  const client = await startNodeProgram(t, 'pending-connect', ['192.0.2.9', 80], near.name);
  assert.equal(client.firstLine, 'connecting');
  const { completeness } = await source.snapshot();
  assert.ok(completeness.opened >= 1);
  assert.deepEqual(completeness.namespaces, []);
});
