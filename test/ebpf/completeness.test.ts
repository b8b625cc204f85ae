/** The probe knows what it did not see: the kernel's own counters are held against the tracker's. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { EbpfSource } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { OFFSET, RECORD_BYTES } from '../../src/probe/topology/record.js';
import type { Snapshot } from '../../src/probe/connections/source.js';
import { createNamespace, joinNamespaces } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 500;
const ENDS = CONNECTIONS * 2;

async function openSource(t: TestContext, maxClosed: number): Promise<EbpfSource> {
  const source = await EbpfSource.start({ maxClosed });
  t.after(() => source.close());
  await source.seeded();
  return source;
}

function recordsIn({ records, recordCount }: Snapshot, netns: number): number {
  const view = new DataView(records);
  let count = 0;
  for (let i = 0; i < recordCount; i++) {
    if (view.getUint32(i * RECORD_BYTES + OFFSET.netns, true) === netns) count++;
  }
  return count;
}

test(
  'what had no room is missed, in the namespace where it was, to the last one',
  { skip: ebpfSkip },
  async (t) => {
    const { name, inode } = createNamespace(t);
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], name);
    const source = await openSource(t, 1);
    await startNodeProgram(t, 'short-connections', ['127.0.0.1', server.firstLine, CONNECTIONS], name);
    const snapshot = await source.snapshot();
    const listeners = 1;
    const seen = recordsIn(snapshot, inode) - listeners;
    assert.ok(seen < ENDS, `${seen} seen`);
    assert.deepEqual(
      snapshot.completeness.namespaces.find(({ netns }) => netns === inode),
      { netns: inode, opened: ENDS, missed: ENDS - seen },
    );
    assert.ok(snapshot.lost >= ENDS - seen);
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
  const source = await openSource(t, 1000);
  const client = await startNodeProgram(t, 'pending-connect', ['192.0.2.9', 80], near.name);
  assert.equal(client.firstLine, 'connecting');
  const { completeness } = await source.snapshot();
  assert.ok(completeness.opened >= 1);
  assert.deepEqual(completeness.namespaces, []);
});
