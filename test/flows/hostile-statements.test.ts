/** Bodies that are no statements: each is refused with its code, before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import { NO_FAILURES, NO_PORTS, NUMBERS, type FlowState } from '../../src/flows/flow.js';
import type { StatedFlow, Statement } from '../../src/flows/statement.js';
import { packEnvelope, unpackEnvelope } from '../../src/flows/wire/envelope.js';
import { Field } from '../../src/flows/wire/fields.js';
import {
  decodeStatement,
  encodeStatement,
  StatementError,
  type StatementErrorCode,
  type StatementLimits,
} from '../../src/flows/wire/index.js';
import { fromMillis } from '../../src/report/index.js';
import type { Node } from '../../src/report/model/model.js';

const STATE: FlowState = { numbers: new Float64Array(NUMBERS), failed: NO_FAILURES, ports: NO_PORTS };
const END = { address: '10.0.0.1', isHere: true, netns: 1 };
const FLOW: StatedFlow = {
  id: 7,
  definition: {
    kind: 'ends',
    scope: '',
    client: {
      ...END,
      process: { pid: 1, startTicks: 2, name: 'a' },
      facts: new Map([['holder_pids', '1 2']]),
    },
    server: { ...END, port: 80 },
    via: '',
    clientVia: '',
    direction: 'handshake',
    nat: '',
  },
  state: {
    ...STATE,
    failed: new Map([['refused', 2]]),
    ports: { modulus: 3, ports: Uint16Array.of(3, 9), standsFor: Uint32Array.of(1, 2) },
  },
};
const AT = fromMillis(1_795_244_936_123);
const NODE: Node = {
  id: 'h;1',
  topology: 'process',
  latest: new Map([['pid', { timestamp: AT, value: '1' }]]),
  sets: new Map([['s', ['a', 'b']]]),
  metrics: new Map([['m', { min: 0, max: 1, samples: [{ date: AT, value: 0.5 }] }]]),
  children: [{ id: 'child', topology: 'process' }],
};
const STATEMENT: Statement = {
  version: 1,
  probe: 'c0ffee',
  epoch: 1_795_244_936_123,
  seq: 9,
  base: 3,
  host: 'h',
  atMs: 1_795_244_936_123,
  intervalMs: 3000,
  flows: [FLOW, { id: 8, state: STATE }],
  gone: [5, 9],
  facts: new Map([
    ['Process', { nodes: new Map([[NODE.id, NODE]]), gone: ['h;2', 'h;3'], frame: { label: 'process' } }],
  ]),
  dns: new Map([['10.0.0.1', { reverse: ['a.example'] }]]),
};

function refuses(
  body: Uint8Array,
  code: StatementErrorCode,
  limits: Partial<StatementLimits> = {},
  what = '',
): void {
  assert.throws(
    () => decodeStatement(body, limits),
    (error) => {
      assert.ok(error instanceof StatementError, String(error));
      assert.equal(error.code, code, `${what}: ${error.message}`);
      return true;
    },
  );
}

/** The statement's bytes with other columns or head in place of its own; undefined: left out. */
function changed(
  fields: Readonly<Record<number, readonly number[] | undefined>>,
  head: Readonly<Record<string, number | string | undefined>> = {},
  of: Statement = STATEMENT,
): Uint8Array {
  const envelope = unpackEnvelope(encodeStatement(of));
  const allFields = new Map(envelope.fields);
  for (const [field, bytes] of Object.entries(fields)) {
    if (bytes === undefined) allFields.delete(Number(field));
    else allFields.set(Number(field), Uint8Array.from(bytes));
  }
  const allHead = new Map(envelope.head);
  for (const [name, value] of Object.entries(head)) {
    if (value === undefined) allHead.delete(name);
    else allHead.set(name, value);
  }
  return packEnvelope({ head: allHead, fields: allFields });
}

test('the statement that the others are made of is one', () => {
  assert.deepEqual(decodeStatement(changed({})), STATEMENT);
});

const deep = Buffer.concat([Buffer.of(0x81, 0x01), Buffer.alloc(1_000_000, 0x91), Buffer.of(0xc0)]);
const records = new Packr({ useRecords: true, structures: [] });
const ENVELOPES: readonly [string, Uint8Array, StatementErrorCode][] = [
  ['nothing', Buffer.alloc(0), 'TRUNCATED'],
  ['a number', Buffer.of(7), 'BAD_SYNTAX'],
  ['a list', Buffer.of(0x91, 0x01), 'BAD_SYNTAX'],
  ['a map that announces 65,535 entries', Buffer.of(0xde, 0xff, 0xff), 'BAD_SYNTAX'],
  ['a map that announces 2^32 entries', Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff), 'BAD_SYNTAX'],
  ['a bin that announces 4 GiB', Buffer.of(0x81, 0x00, 0xc6, 0xff, 0xff, 0xff, 0xff), 'TRUNCATED'],
  ['a text that announces 4 GiB', Buffer.of(0x81, 0x00, 0xdb, 0xff, 0xff, 0xff, 0xff), 'TRUNCATED'],
  ['a million lists in each other', deep, 'BAD_SYNTAX'],
  ['a map within', Buffer.of(0x81, 0x00, 0x80), 'BAD_SYNTAX'],
  ['an extension', Buffer.of(0x81, 0x00, 0xd4, 0x72, 0x40), 'BAD_SYNTAX'],
  [
    'an extension of announced length',
    Buffer.of(0x81, 0x00, 0xc9, 0xff, 0xff, 0xff, 0xff, 0x00),
    'BAD_SYNTAX',
  ],
  ['a record', records.pack({ version: 1, probe: 'x' }), 'BAD_SYNTAX'],
  ['nil', Buffer.of(0x81, 0x00, 0xc0), 'BAD_SYNTAX'],
  ['a negative number', Buffer.of(0x81, 0x00, 0xff), 'BAD_SYNTAX'],
  [
    'a key of 32 characters',
    Buffer.concat([Buffer.of(0x81, 0xd9, 0x20), Buffer.alloc(32, 0x61)]),
    'BAD_SYNTAX',
  ],
  ['a field twice', Buffer.of(0x82, 0x00, 0xc4, 0x00, 0x00, 0xc4, 0x00), 'DUPLICATE'],
  ['a column that is a number', Buffer.of(0x81, 0x00, 0x01), 'WRONG_TYPE'],
  ['a head that is a bin', Buffer.from('\x81\xa1a\xc4\x00', 'latin1'), 'WRONG_TYPE'],
  ['bytes behind it', Buffer.concat([changed({}), Buffer.of(0)]), 'TRAILING_BYTES'],
  ['half of it', changed({}).subarray(0, 100), 'TRUNCATED'],
];

for (const [what, body, code] of ENVELOPES) {
  test(`an envelope that is ${what} is refused`, () => refuses(body, code));
}

const HEADS: readonly [string, Record<string, number | string | undefined>, StatementErrorCode][] = [
  ['without a version', { version: undefined }, 'WRONG_TYPE'],
  ['of another version', { version: 2 }, 'UNSUPPORTED_VERSION'],
  ['without a probe', { probe: undefined }, 'WRONG_TYPE'],
  ['of a probe without a name', { probe: '' }, 'WRONG_TYPE'],
  ['of a probe that is a number', { probe: 7 }, 'WRONG_TYPE'],
  ['of a probe with a name of a megabyte', { probe: 'x'.repeat(1 << 20) }, 'TEXT_TOO_LONG'],
  ['of a host with a name of a megabyte', { host: 'x'.repeat(1 << 20) }, 'TEXT_TOO_LONG'],
  ['of a seq that is a text', { seq: '9' }, 'WRONG_TYPE'],
  ['of seq 0', { seq: 0, base: 0 }, 'BAD_NUMBER'],
  ['since a state of the future', { base: 10 }, 'BAD_NUMBER'],
  ['of a fraction', { atMs: 0.5, at: 0.5 }, 'BAD_NUMBER'],
  ['of no number', { epoch: NaN }, 'BAD_NUMBER'],
  ['of more than 2^53', { epoch: 2 ** 53 }, 'BAD_NUMBER'],
  ['of half a sampling', { sampled: 1 }, 'WRONG_TYPE'],
];

for (const [what, head, code] of HEADS) {
  test(`a head ${what} is refused`, () => refuses(changed({}, head), code));
}

const COLUMNS: readonly [string, Record<number, readonly number[] | undefined>, StatementErrorCode][] = [
  ['numbers that end early', { [Field.Numbers]: [1] }, 'UNEVEN_COLUMNS'],
  ['numbers of more flows than there are', { [Field.Numbers]: [1, 1, 1] }, 'UNEVEN_COLUMNS'],
  [
    'a number of 2^56',
    { [Field.Numbers]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0] },
    'BAD_NUMBER',
  ],
  ['a number without an end', { [Field.Numbers]: Array<number>(100).fill(0xff) }, 'BAD_NUMBER'],
  ['a number that is cut off', { [Field.Numbers]: [0, 0x80] }, 'UNEVEN_COLUMNS'],
  ['ids beyond 2^53', { [Field.FlowIds]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0] }, 'BAD_NUMBER'],
  ['parts that nobody knows', { [Field.FlowParts]: [4, 0] }, 'BAD_NUMBER'],
  ['a flow as stated and gone', { [Field.GoneFlows]: [7] }, 'DUPLICATE'],
  ['a reason that is not there', { [Field.FailureReasons]: undefined }, 'UNEVEN_COLUMNS'],
  [
    '2^53 reasons of one flow',
    { [Field.FailureCounts]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0] },
    'UNEVEN_COLUMNS',
  ],
  ['a text out of range', { [Field.FailureReasons]: [0x7f] }, 'BAD_REFERENCE'],
  ['a process out of range', { [Field.ClientProcesses]: [5] }, 'BAD_REFERENCE'],
  ['a time out of range', { [Field.FactTimes]: [5] }, 'BAD_REFERENCE'],
  ['a measurement out of range', { [Field.MetricMaxs]: [9] }, 'BAD_REFERENCE'],
  ['a port beyond 65,535', { [Field.Ports]: [0xff, 0xff, 0x0f, 0] }, 'BAD_NUMBER'],
  ['a port that is no multiple', { [Field.Ports]: [3, 4] }, 'BAD_NUMBER'],
  ['a modulus that is no power of three', { [Field.PortModuli]: [2, 1] }, 'BAD_NUMBER'],
  ['pairs of ports that are not there', { [Field.PortPaired]: [1, 0] }, 'UNEVEN_COLUMNS'],
  [
    'a paired port beyond 65,535',
    { [Field.PortPaired]: [1, 0], [Field.PairedPorts]: [0xff, 0xff, 0x0f, 0] },
    'BAD_NUMBER',
  ],
  ['ports without a modulus', { [Field.PortModuli]: [0, 1] }, 'BAD_NUMBER'],
  ['65 ports', { [Field.PortCounts]: [65, 0], [Field.Ports]: Array<number>(65).fill(2) }, 'TOO_MANY_ENTRIES'],
  ['a server port beyond 65,535', { [Field.ServerPorts]: [0xff, 0xff, 0x7f] }, 'BAD_NUMBER'],
  ['a kind that nobody knows', { [Field.Kinds]: [8] }, 'BAD_NUMBER'],
  ['definitions of nobody', { [Field.FlowParts]: undefined }, 'UNEVEN_COLUMNS'],
  ['texts that are no UTF-8', { [Field.Texts]: [0xff], [Field.TextBytes]: [1] }, 'INVALID_UTF8'],
  [
    'texts that end inside a character',
    { [Field.Texts]: [0xc3, 0xa9], [Field.TextBytes]: [1, 1] },
    'INVALID_UTF8',
  ],
  ['texts that end early', { [Field.TextBytes]: [0xff, 0x01] }, 'UNEVEN_COLUMNS'],
  ['texts of which there is more', { [Field.TextBytes]: [1] }, 'UNEVEN_COLUMNS'],
  ['a measurement that is none', { [Field.Measurements]: [0, 0, 0, 0, 0, 0, 0xf8, 0x7f] }, 'BAD_NUMBER'],
  ['half a measurement', { [Field.Measurements]: [0, 0, 0, 0] }, 'UNEVEN_COLUMNS'],
  [
    'a time of the year 100,000',
    { [Field.TimeSeconds]: [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01] },
    'BAD_TIMESTAMP',
  ],
  ['nanoseconds beyond a second', { [Field.TimeNanos]: [0xff, 0xff, 0xff, 0xff, 0x0f] }, 'BAD_TIMESTAMP'],
  [
    'a topology twice',
    { [Field.TopologyKeys]: [1, 1], [Field.TopologyNodes]: undefined, [Field.TopologyGone]: undefined },
    'DUPLICATE',
  ],
  [
    '2^53 nodes',
    { [Field.TopologyNodes]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] },
    'UNEVEN_COLUMNS',
  ],
  [
    '2^53 gone nodes',
    { [Field.TopologyGone]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] },
    'UNEVEN_COLUMNS',
  ],
  ['a gone node twice', { [Field.GoneNodes]: [1, 1] }, 'DUPLICATE'],
  [
    '2^53 samples',
    { [Field.MetricSamples]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] },
    'UNEVEN_COLUMNS',
  ],
  ['2^53 members', { [Field.SetSizes]: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] }, 'UNEVEN_COLUMNS'],
  ['a column of nothing', { [Field.DnsForward]: undefined, [Field.DnsReverse]: undefined }, 'UNEVEN_COLUMNS'],
  ['templates that are no report', { [Field.Frames]: [0xc1] }, 'BAD_FRAME'],
];

for (const [what, fields, code] of COLUMNS) {
  test(`columns with ${what} are refused`, () => refuses(changed(fields), code));
}

test('a number that is -0 is 0', () => {
  assert.deepEqual(decodeStatement(changed({}, { epoch: -0 })), { ...STATEMENT, epoch: 0 });
});

test('nodes and facts that come twice are refused', () => {
  const twin: Statement = {
    ...STATEMENT,
    facts: new Map([
      [
        'Process',
        {
          nodes: new Map([
            ['a', NODE],
            ['b', NODE],
          ]),
          gone: [],
        },
      ],
    ]),
  };
  refuses(encodeStatement(twin), 'DUPLICATE');
  const { metrics } = NODE;
  const both = new Map([
    ['Process', { nodes: new Map([[NODE.id, NODE]]), metrics: new Map([[NODE.id, metrics!]]), gone: [] }],
  ] as const);
  refuses(encodeStatement({ ...STATEMENT, facts: both }), 'DUPLICATE');
  const gone = new Map([['Process', { nodes: new Map([[NODE.id, NODE]]), gone: [NODE.id] }]] as const);
  refuses(encodeStatement({ ...STATEMENT, facts: gone }), 'DUPLICATE');
  refuses(
    changed({ [Field.NodeFacts]: [2, 0], [Field.FactKeys]: [1, 1], [Field.FactValues]: [1, 1] }),
    'DUPLICATE',
  );
});

test('a whole statement has each flow with its definition and its state', () => {
  refuses(encodeStatement({ ...STATEMENT, base: 0 }), 'INCOMPLETE');
  const { definition } = FLOW;
  refuses(encodeStatement({ ...STATEMENT, base: 0, flows: [{ id: 1, definition }] }), 'INCOMPLETE');
  assert.equal(decodeStatement(encodeStatement({ ...STATEMENT, base: 0, flows: [FLOW] })).base, 0);
});

test('what is beyond a limit is refused, and what is just within is not', () => {
  const body = encodeStatement(STATEMENT);
  const bounds: readonly [Partial<StatementLimits>, Partial<StatementLimits>, StatementErrorCode][] = [
    [{ maxBytes: body.length }, { maxBytes: body.length - 1 }, 'TOO_LARGE'],
    [{ maxFlows: 2 }, { maxFlows: 1 }, 'TOO_MANY_FLOWS'],
    [{ maxNodes: 2 }, { maxNodes: 1 }, 'TOO_MANY_NODES'],
    [{ maxDepth: 1 }, { maxDepth: 0 }, 'TOO_DEEP'],
    [{ maxTextBytes: 11 }, { maxTextBytes: 8 }, 'TEXT_TOO_LONG'],
    [{}, { maxEntries: 12 }, 'TOO_MANY_ENTRIES'],
  ];
  for (const [within, beyond, code] of bounds) {
    assert.deepEqual(decodeStatement(body, within), STATEMENT);
    refuses(body, code, beyond, JSON.stringify(beyond));
  }
});

test('what costs a byte on the wire and more in memory is bounded', () => {
  const many = Array<number>(20_000_000).fill(0);
  const heap = process.memoryUsage().heapUsed;
  refuses(changed({ [Field.TextBytes]: many, [Field.Texts]: undefined }), 'TOO_MANY_ENTRIES');
  refuses(
    changed({ [Field.FlowIds]: many, [Field.FlowParts]: undefined, [Field.Ports]: undefined }),
    'UNEVEN_COLUMNS',
  );
  refuses(changed({ [Field.ProcessPids]: many, [Field.ProcessStarts]: undefined }), 'UNEVEN_COLUMNS');
  const only = packEnvelope({
    head: unpackEnvelope(encodeStatement(STATEMENT)).head,
    fields: new Map([[Field.FlowIds, Uint8Array.from(many)]]),
  });
  refuses(only, 'TOO_MANY_FLOWS');
  assert.ok(process.memoryUsage().heapUsed - heap < 1024 ** 3);
});

test('fields and topologies that this version does not know are passed over', () => {
  const { head, fields } = unpackEnvelope(encodeStatement(STATEMENT));
  const later = packEnvelope({
    head: new Map([...head, ['zone', 'eu-1']]),
    fields: new Map([...fields, [120, Uint8Array.of(1, 2, 3)]]),
  });
  assert.deepEqual(decodeStatement(later), STATEMENT);
  const facts = new Map([['Galaxy' as 'Process', { nodes: new Map([[NODE.id, NODE]]), gone: ['x'] }]]);
  assert.deepEqual(decodeStatement(encodeStatement({ ...STATEMENT, facts })), {
    ...STATEMENT,
    facts: new Map(),
  });
});
