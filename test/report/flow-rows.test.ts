/** A report's `Flows`: the same rows in both encodings, and nothing that Scope's readers would stumble over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import {
  decodeReport,
  encodeReport,
  mergeReports,
  ReportError,
  reportFromJson,
  reportToJson,
  type DecodeLimits,
  type ReportErrorCode,
} from '../../src/report/index.js';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import type { Report } from '../../src/report/model/model.js';
import { flowRow, report as arbitraryReport } from './arbitrary-report.js';
import { fromOldMsgpack, toGoMsgpack, type Tree } from './go-msgpack.js';
import { sampleReport } from './sample-report.js';

function reportWith(flows?: readonly FlowRow[]): Report {
  return { id: '1', topologies: new Map(), dns: new Map(), ...(flows && { flows }) };
}

test('rows come back as they were, from both encodings', () => {
  fc.assert(
    fc.property(fc.array(flowRow, { maxLength: 3 }), (flows) => {
      const report = reportWith(flows);
      assert.deepEqual(decodeReport(encodeReport(report)), report);
      assert.deepEqual(reportFromJson(reportToJson(report)).flows, flows);
    }),
    { numRuns: 1000 },
  );
});

test('another reader finds the rows under their names', () => {
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const { flows } = sampleReport();
  const read = unpackr.unpack(encodeReport(reportWith(flows))) as { Flows: Record<string, unknown>[] };
  assert.deepEqual(
    read.Flows.map((row) => ({ ...row, bytesSent: Number(row['bytesSent']) })),
    flows,
  );
});

test('a reader that does not know the key reads the same report as without it', () => {
  fc.assert(
    fc.property(arbitraryReport, (report) => {
      const { flows: _flows, ...rest } = report;
      const tree = fromOldMsgpack(Buffer.from(encodeReport(report))) as Map<string, unknown>;
      tree.delete('Flows');
      assert.deepEqual(tree, fromOldMsgpack(Buffer.from(encodeReport(rest))));
    }),
  );
});

test('a report without rows has no such key; one whose rows are none has an empty list', () => {
  assert.ok(!reportToJson(reportWith()).includes('Flows'));
  assert.ok(reportToJson(reportWith([])).includes('"Flows":[]'));
  assert.equal(reportFromJson('{"Flows":null}').flows, undefined);
});

test('what a row leaves out is unknown or 0, and what nobody knows is passed over', () => {
  const row: Tree = {
    client: { address: '10.0.0.1', host: null, unheard: [1] },
    server: { address: '10.0.0.2', port: 80 },
    via: null,
    evidence: { unheard: 'x' },
    unheard: { deep: [{}] },
  };
  const expected: FlowRow = {
    scope: '',
    client: { address: '10.0.0.1' },
    server: { address: '10.0.0.2', port: 80 },
    connections: 0,
    opened: 0,
    closed: 0,
    live: 0,
    failed: {},
    bytesSent: 0,
    bytesReceived: 0,
    retransmits: 0,
    evidence: {},
    ports: [],
  };
  assert.deepEqual(decodeReport(toGoMsgpack({ Flows: [row] })).flows, [expected]);
  assert.deepEqual(reportFromJson(JSON.stringify({ Flows: [row] })).flows, [expected]);
});

test('the rest, which there was no room for, is a row without addresses', () => {
  const [row] = sampleReport().flows!;
  const rest = { ...row!, client: { address: '' }, server: { address: '', port: 0 } };
  assert.deepEqual(decodeReport(encodeReport(reportWith([rest]))).flows, [rest]);
});

test('a reason that no JavaScript object could hold is only a reason', () => {
  const row = { client: { address: 'a' }, server: { address: 'b', port: 1 } };
  const json = JSON.stringify({ Flows: [row] }).replace('}]', ',"failed":{"__proto__":3}}]');
  const failed = reportFromJson(json).flows?.[0]?.failed ?? {};
  assert.deepEqual(Object.entries(failed), [['__proto__', 3]]);
});

test('rows that can not be are refused, in both encodings', () => {
  const client = { address: '10.0.0.1' };
  const server = { address: '10.0.0.2', port: 80 };
  const wrong: readonly (readonly [ReportErrorCode, Tree, Partial<DecodeLimits>?])[] = [
    ['WRONG_TYPE', 'x'],
    ['WRONG_TYPE', ['x']],
    ['WRONG_TYPE', [{ client: 'x' }]],
    ['BAD_FLOW', [{}]],
    ['BAD_FLOW', [null]],
    ['BAD_FLOW', [{ client, server: null }]],
    ['BAD_FLOW', [{ server }]],
    ['BAD_FLOW', [{ client: {}, server }]],
    ['BAD_FLOW', [{ client: { address: null }, server }]],
    ['BAD_FLOW', [{ client, server: { address: '10.0.0.2' } }]],
    ['BAD_FLOW', [{ client, server, ports: [[1]] }]],
    ['BAD_FLOW', [{ client, server, ports: [[1, 1, 1]] }]],
    ['BAD_FLOW', [{ client, server, ports: [null] }]],
    ['WRONG_TYPE', [{ client, server, ports: [1] }]],
    ['BAD_NUMBER', [{ client, server, ports: [[0, 1]] }]],
    ['BAD_NUMBER', [{ client, server, ports: [[65_536, 1]] }]],
    ['BAD_NUMBER', [{ client, server, ports: [[1, -1]] }]],
    ['BAD_NUMBER', [{ client, server: { address: 'x', port: 65_536 } }]],
    ['BAD_NUMBER', [{ client: { address: 'x', pid: -1 }, server }]],
    ['BAD_NUMBER', [{ client, server, connections: -1 }]],
    ['BAD_NUMBER', [{ client, server, rttMicros: -1 }]],
    ['BAD_NUMBER', [{ client, server, failed: { refused: -1 } }]],
    ['WRONG_TYPE', [{ client, server, failed: { refused: 'x' } }]],
    ['WRONG_TYPE', [{ client, server, sampled: 1 }]],
    ['WRONG_TYPE', [{ client, server, evidence: [] }]],
    [
      'TOO_MANY_FLOWS',
      [
        { client, server },
        { client, server },
      ],
      { maxFlows: 1 },
    ],
    ['TOO_MANY_ENTRIES', [{ client, server }], { maxEntries: 32 }],
  ];
  for (const [code, Flows, limits] of wrong) {
    const isRefused = (error: unknown): boolean => error instanceof ReportError && error.code === code;
    const what = JSON.stringify(Flows);
    assert.throws(() => decodeReport(toGoMsgpack({ Flows }), limits), isRefused, what);
    assert.throws(() => reportFromJson(`{"Flows":${what}}`, limits), isRefused, what);
  }
});

test('a count that is not whole, or beyond what a double counts, is refused', () => {
  for (const count of ['0.5', '1e300', '9007199254740993']) {
    const json = `{"Flows":[{"client":{"address":"a"},"server":{"address":"b","port":1},"live":${count}}]}`;
    assert.throws(() => reportFromJson(json), { code: 'BAD_NUMBER' });
  }
});

test('merging keeps all rows, equal ones once, in one order', () => {
  const [row] = sampleReport().flows!;
  const later = { ...row!, connections: 12 };
  const merged = mergeReports([reportWith([later, row!]), reportWith([row!]), reportWith()]);
  assert.deepEqual(merged.flows, [row, later]);
});
