/** What is said again, but for its times, has the same digest and is not read again; whatever else differs is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeReport, encodeReport, fromMillis, type NodeCache } from '../../src/report/index.js';
import type { Node, Report, Timestamp } from '../../src/report/model/model.js';
import { Digester } from '../../src/report/wire/msgpack-digest.js';
import { report as arbitraryReport } from './arbitrary-report.js';

const at = (time: Timestamp, ...values: readonly string[]): Report => ({
  id: '1',
  timestamp: time,
  dns: new Map(),
  topologies: new Map([
    [
      'Endpoint' as const,
      {
        nodes: new Map(
          values.map((value, i) => [
            `;10.0.0.1;${i}`,
            {
              id: `;10.0.0.1;${i}`,
              topology: 'endpoint',
              adjacency: [';10.0.0.2;80'],
              latest: new Map([['pid', { timestamp: time, value }]]),
            },
          ]),
        ),
      },
    ],
  ]),
});

/** Remembers every node by its digest, whoever said it. */
function remembering(): NodeCache & { reads: number; readonly byDigest: Map<string, Node> } {
  const byDigest = new Map<string, Node>();
  return {
    byDigest,
    reads: 0,
    known: (topology, id, digest) => byDigest.get(`${topology} ${id} ${digest}`),
    read(node, digest) {
      this.reads++;
      byDigest.set(`Endpoint ${node.id} ${digest}`, node);
    },
  };
}

const nodesOf = (report: Report): Node[] => [...report.topologies.get('Endpoint')!.nodes.values()];

test('nodes that are said again at another time are the very nodes of before', () => {
  const recall = remembering();
  const first = decodeReport(encodeReport(at(fromMillis(1_000), '1', '2', '3')), {}, recall);
  assert.equal(recall.reads, 3);
  const second = decodeReport(encodeReport(at(fromMillis(9_000), '1', 'other', '3')), {}, recall);
  assert.equal(recall.reads, 4);
  const [before, after] = [nodesOf(first), nodesOf(second)];
  assert.deepEqual(
    after.map((node, i) => node === before[i]),
    [true, false, true],
  );
  assert.equal(after[1]?.latest?.get('pid')?.value, 'other');
});

test('reading with a memory that knows nothing changes nothing', () => {
  const nothing: NodeCache = { known: () => undefined, read: () => undefined };
  fc.assert(
    fc.property(arbitraryReport, (report) => {
      const bytes = encodeReport(report);
      assert.deepEqual(decodeReport(bytes, {}, nothing), decodeReport(bytes));
    }),
  );
});

const digestOf = (bytes: Uint8Array, start = 0): number | undefined => new Digester(bytes).digest(start);

test('the digest covers the whole value, and any other byte makes another one', () => {
  const text = 'a text of more than 31 bytes, so raw16';
  const value = Buffer.from(encodeReport(at(fromMillis(1_000), '1234', text)));
  const digester = new Digester(value);
  const digest = digester.digest(0);
  assert.ok(digest !== undefined && Number.isSafeInteger(digest));
  assert.equal(digester.end, value.length);
  assert.equal(digestOf(Buffer.concat([Buffer.alloc(3), value]), 3), digest);
  for (const part of ['1234', 'a text of', '10.0.0.2', 'Endpoint']) {
    for (const bit of [1, 2, 4, 8, 16]) {
      const changed = Buffer.from(value);
      changed[changed.indexOf(part) + 1]! ^= bit;
      assert.notEqual(digestOf(changed), digest, part);
    }
  }
  assert.equal(digestOf(encodeReport(at(fromMillis(77_000), '1234', text))), digest);
});

test('what is cut off, or of no type that reports have, has no digest; and no bytes make it fail', () => {
  const value = encodeReport(at(fromMillis(1_000), '1'));
  for (let length = 0; length < value.length; length++) {
    assert.equal(digestOf(value.subarray(0, length)), undefined);
  }
  assert.equal(digestOf(Uint8Array.of(0xc1)), undefined);
  assert.equal(digestOf(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const digester = new Digester(bytes);
      if (digester.digest(0) !== undefined) assert.ok(digester.end > 0 && digester.end <= bytes.length);
    }),
  );
});
