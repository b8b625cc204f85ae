/** What is stated is what is read, whatever it is; and a statement that says nothing costs next to nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_FAILURES, NO_PORTS, NUMBERS } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import { decodeStatement, encodeStatement, StatementError } from '../../src/flows/wire/index.js';
import { statement } from './arbitrary-statement.js';

const HEARTBEAT: Statement = {
  version: 1,
  probe: '0123456789abcdef',
  epoch: 1_795_244_936_123,
  seq: 123_456,
  base: 123_456,
  host: 'ip-10-11-12-13.eu-central-1.compute.internal',
  atMs: 1_795_244_936_123,
  intervalMs: 3000,
  flows: [],
  gone: [],
  facts: new Map(),
  dns: new Map(),
  sampling: { count: 1_000_000, total: 1_000_000 },
};

test('any statement is read as it was written', () => {
  fc.assert(
    fc.property(statement, (stated) => {
      assert.deepEqual(decodeStatement(encodeStatement(stated)), stated);
    }),
    { numRuns: 2000 },
  );
});

test('a statement of nothing is at most 200 bytes', () => {
  const bytes = encodeStatement(HEARTBEAT);
  assert.ok(bytes.length <= 200, `${bytes.length} bytes`);
  assert.deepEqual(decodeStatement(bytes), HEARTBEAT);
});

test('nothing of a statement refers to the bytes that it was read from', () => {
  fc.assert(
    fc.property(statement, (stated) => {
      const bytes = encodeStatement(stated);
      const read = decodeStatement(bytes);
      bytes.fill(0);
      assert.deepEqual(read, stated);
    }),
    { numRuns: 200 },
  );
});

test('processes that several flows have are the same object again', () => {
  const process = { pid: 7, startTicks: 9, name: 'nginx' };
  const end = { address: '10.0.0.1', isHere: true, netns: 1, process };
  const flows = [1, 2].map((id) => ({
    id,
    definition: {
      kind: 'ends' as const,
      scope: '',
      client: end,
      server: { ...end, port: 80 },
      via: '',
      clientVia: '',
      direction: 'handshake',
      nat: '',
    },
    state: { numbers: new Float64Array(NUMBERS), failed: NO_FAILURES, ports: NO_PORTS },
  }));
  const read = decodeStatement(encodeStatement({ ...HEARTBEAT, flows }));
  const [first, second] = read.flows;
  assert.deepEqual(first?.definition?.client.process, process);
  assert.equal(first.definition.client.process, second?.definition?.server.process);
});

test('what no reader would take is not written', () => {
  const state = { numbers: new Float64Array(NUMBERS), failed: NO_FAILURES, ports: NO_PORTS };
  const fraction = { ...state, numbers: new Float64Array(NUMBERS).fill(0.5) };
  const negative = { ...state, numbers: new Float64Array(NUMBERS).fill(-1) };
  const attempts = [
    [{ ...HEARTBEAT, seq: 2 ** 53 }, 'BAD_NUMBER'],
    [{ ...HEARTBEAT, flows: [{ id: 1, state: fraction }] }, 'BAD_NUMBER'],
    [{ ...HEARTBEAT, flows: [{ id: 1, state: negative }] }, 'BAD_NUMBER'],
    [
      {
        ...HEARTBEAT,
        flows: [
          { id: 2, state },
          { id: 2, state },
        ],
      },
      'WRONG_ORDER',
    ],
    [{ ...HEARTBEAT, gone: [2, 1] }, 'WRONG_ORDER'],
  ] as const;
  for (const [stated, code] of attempts) {
    assert.throws(
      () => encodeStatement(stated),
      (error) => error instanceof StatementError && error.code === code,
    );
  }
});
