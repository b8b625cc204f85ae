/** The window holds what its reports say as long as they count, and does not read again what is repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeReport, encodeReport, fromMillis } from '../../src/report/index.js';
import type { Node } from '../../src/report/model/model.js';
import { windowOf } from '../support/snapshot.js';
import { hostNode, makeReport } from './sample-reports.js';

const WINDOW_MS = 15_000;

test('a window that everything has left holds nothing', () => {
  let now = 1_700_000_000_000;
  const window = windowOf(() => now);
  window.add(
    { id: 'p', version: '' },
    makeReport({ Host: [hostNode('x')] }, { dns: new Map([['10.0.0.1', { forward: ['a.example'] }]]) }),
  );
  assert.ok(window.counts().parts > 0);
  now += WINDOW_MS + 1;
  assert.equal(window.snapshot().nodes('Host').size, 0);
  const { parts, bytes, reports, probes } = window.counts();
  assert.deepEqual({ parts, bytes, reports, probes }, { parts: 0, bytes: 0, reports: 0, probes: 0 });
});

test('a probe that repeats itself is not read again, and what it says stays as it is read the first time', () => {
  let nowMs = 1_700_000_000_000;
  const window = windowOf(() => nowMs);
  // A clock that is a minute slow: its times are put right, also those of what is not read again.
  const slowMs = 60_000;
  const send = (pid: string): { read: number; recalled: number } => {
    const timestamp = fromMillis(nowMs - slowMs);
    const node = (id: string, value: string): [string, Node] => [
      id,
      { id, topology: 'process', latest: new Map([['pid', { timestamp, value }]]) },
    ];
    const nodes = new Map([node('x;7', '7'), node('x;8', pid)]);
    const endpoint = { id: ';10.0.0.1;1', topology: 'endpoint', adjacency: [';10.0.0.2;80'] };
    const body = encodeReport({
      id: '1',
      timestamp,
      dns: new Map(),
      topologies: new Map([
        ['Endpoint', { nodes: new Map([[endpoint.id, endpoint]]) }],
        ['Process', { nodes }],
        ['Pod', { nodes: new Map([node('u;<pod>', 'x')]) }],
      ]),
    });
    const memory = window.memoryOf('probe');
    window.add({ id: 'probe', version: '' }, decodeReport(body, {}, memory), body.length, memory);
    return { read: memory.digests.size, recalled: memory.recalled.size };
  };
  assert.deepEqual(send('8'), { read: 4, recalled: 0 });
  for (let round = 0; round < 3; round++) {
    nowMs += 5_000;
    assert.deepEqual(send('8'), { read: 0, recalled: 4 });
  }
  nowMs += 5_000;
  assert.deepEqual(send('9'), { read: 1, recalled: 3 });
  const { topologies } = window.newestFacts();
  const facts = [...topologies.get('Process')!.nodes.values(), ...topologies.get('Pod')!.nodes.values()].map(
    ({ latest }) => latest!.get('pid')!,
  );
  assert.deepEqual(
    facts.map(({ value }) => value),
    ['7', '9', 'x'],
  );
  for (const { timestamp } of facts) assert.equal(timestamp.unixSeconds * 1_000, nowMs);
});
