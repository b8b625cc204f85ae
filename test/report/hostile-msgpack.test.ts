/** MessagePack that means harm, or is broken, gets an error with a code, before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeReport,
  encodeReport,
  ReportError,
  REPORT_FAULTS,
  type DecodeLimits,
  type ReportErrorCode,
} from '../../src/report/index.js';
import { goTime, toGoMsgpack, type Tree } from './go-msgpack.js';
import { sampleReport } from './sample-report.js';
import { SCOPE_REPORT } from './scope-report.js';

function refuses(bytes: Uint8Array, code: ReportErrorCode, limits?: Partial<DecodeLimits>): void {
  assert.throws(
    () => decodeReport(bytes, limits),
    (error) =>
      error instanceof ReportError && error.code === code && error.message.includes(REPORT_FAULTS[code]),
  );
}

/** A map of one entry with its value still to come. */
function under(...keys: readonly string[]): Buffer {
  return Buffer.concat(keys.flatMap((key) => [Buffer.of(0x81), toGoMsgpack(key)]));
}

test('every truncation of a report is refused', () => {
  for (const whole of [encodeReport(sampleReport()), toGoMsgpack(SCOPE_REPORT)]) {
    for (let length = 0; length < whole.length; length++) refuses(whole.subarray(0, length), 'TRUNCATED');
  }
});

test('bytes after the report are refused', () => {
  refuses(Buffer.concat([encodeReport(sampleReport()), Buffer.of(0xc0)]), 'TRAILING_BYTES');
});

test('what is not a map is no report', () => {
  for (const tree of [null, true, 1, 'text', [], [{}]] as const) refuses(toGoMsgpack(tree), 'WRONG_TYPE');
});

test('every field of the wrong type is refused', () => {
  const wrong: readonly Tree[] = [
    { ID: 1 },
    { ID: {} },
    { TS: 5 },
    { DNS: [] },
    { DNS: { a: ['x'] } },
    { DNS: { a: { forward: 'x' } } },
    { nodes: 'x' },
    { Sampling: 5 },
    { Sampling: { Count: 'x' } },
    { Window: 'x' },
    { Window: {} },
    { Shortcut: 1 },
    { Plugins: {} },
    { Endpoint: [] },
    { Endpoint: { shape: 1 } },
    { Endpoint: { nodes: [] } },
    { Endpoint: { controls: [] } },
    { Endpoint: { metadata_templates: { a: 'x' } } },
    { Endpoint: { metadata_templates: { a: { priority: 'x' } } } },
    { Endpoint: { metric_templates: { a: { label: 1 } } } },
    { Endpoint: { table_templates: { a: { columns: {} } } } },
    { Endpoint: { table_templates: { a: { fixedRows: [] } } } },
    { Endpoint: { nodes: { x: [] } } },
    { Endpoint: { nodes: { x: { id: 5 } } } },
    { Endpoint: { nodes: { x: { latest: [] } } } },
    { Endpoint: { nodes: { x: { latest: { k: 'v' } } } } },
    { Endpoint: { nodes: { x: { latest: { k: { value: 5 } } } } } },
    { Endpoint: { nodes: { x: { latest: { k: { timestamp: 5 } } } } } },
    { Endpoint: { nodes: { x: { sets: { k: 'v' } } } } },
    { Endpoint: { nodes: { x: { sets: { k: [1] } } } } },
    { Endpoint: { nodes: { x: { adjacency: {} } } } },
    { Endpoint: { nodes: { x: { parents: { k: [[]] } } } } },
    { Endpoint: { nodes: { x: { metrics: { k: [] } } } } },
    { Endpoint: { nodes: { x: { metrics: { k: { samples: {} } } } } } },
    { Endpoint: { nodes: { x: { metrics: { k: { samples: [5] } } } } } },
    { Endpoint: { nodes: { x: { metrics: { k: { min: 'x' } } } } } },
    { Endpoint: { nodes: { x: { children: {} } } } },
    { Endpoint: { nodes: { x: { children: ['x'] } } } },
    { Endpoint: { nodes: { x: { counters: { k: 'x' } } } } },
  ];
  for (const tree of wrong) refuses(toGoMsgpack(tree), 'WRONG_TYPE');
});

test('a head that means nothing is refused, also where nobody looks', () => {
  refuses(Buffer.concat([under('ID'), Buffer.of(0xc1)]), 'WRONG_TYPE');
  refuses(Buffer.concat([under('Unheard'), Buffer.of(0xc1)]), 'WRONG_TYPE');
});

test('extensions are passed over where nobody looks, and refused elsewhere', () => {
  const extensions = [
    Buffer.of(0xd4, 1, 2),
    Buffer.of(0xd6, 0xff, 0, 0, 0, 0),
    Buffer.concat([Buffer.of(0xd8, 1), Buffer.alloc(16)]),
    Buffer.of(0xc7, 2, 1, 0, 0),
    Buffer.of(0xc8, 0, 1, 1, 0),
  ];
  for (const extension of extensions) {
    assert.equal(decodeReport(Buffer.concat([under('Unheard'), extension])).topologies.size, 0);
    refuses(Buffer.concat([under('TS'), extension]), 'WRONG_TYPE');
    refuses(
      Buffer.concat([Buffer.of(0x81), toGoMsgpack('Plugins'), Buffer.of(0x91), extension]),
      'WRONG_TYPE',
    );
  }
});

test('a key that comes twice is refused, wherever it is', () => {
  const twice = (key: string, value: Tree): Buffer =>
    Buffer.concat([Buffer.of(0x82), ...[1, 2].flatMap(() => [toGoMsgpack(key), toGoMsgpack(value)])]);
  refuses(twice('ID', 'x'), 'DUPLICATE_KEY');
  refuses(twice('Unheard', 'x'), 'DUPLICATE_KEY');
  refuses(Buffer.concat([under('DNS'), twice('10.0.0.1', {})]), 'DUPLICATE_KEY');
  refuses(Buffer.concat([under('Endpoint'), twice('nodes', null)]), 'DUPLICATE_KEY');
  refuses(Buffer.concat([under('Endpoint', 'nodes'), twice('x', {})]), 'DUPLICATE_KEY');
  const node = under('Endpoint', 'nodes', 'x');
  for (const key of ['id', 'topology']) refuses(Buffer.concat([node, twice(key, 'x')]), 'DUPLICATE_KEY');
  for (const key of ['latest', 'sets', 'adjacency', 'metrics', 'parents', 'children', 'counters']) {
    refuses(Buffer.concat([node, twice(key, null)]), 'DUPLICATE_KEY');
  }
  const latest = under('Endpoint', 'nodes', 'x', 'latest');
  refuses(Buffer.concat([latest, twice('pid', {})]), 'DUPLICATE_KEY');
  refuses(Buffer.concat([latest, under('pid'), twice('value', 'x')]), 'DUPLICATE_KEY');
  refuses(Buffer.concat([latest, under('pid'), twice('timestamp', null)]), 'DUPLICATE_KEY');
  const metric = under('Endpoint', 'nodes', 'x', 'metrics', 'cpu');
  refuses(Buffer.concat([metric, twice('samples', null)]), 'DUPLICATE_KEY');
  refuses(Buffer.concat([metric, under('samples'), Buffer.of(0x91), twice('value', 1)]), 'DUPLICATE_KEY');
});

test('keys and ids must be UTF-8', () => {
  const odd = toGoMsgpack(Buffer.from([0xc3, 0x28]));
  const value = toGoMsgpack({});
  refuses(Buffer.concat([Buffer.of(0x81), odd, value]), 'INVALID_UTF8');
  refuses(Buffer.concat([under('Endpoint', 'nodes'), Buffer.of(0x81), odd, value]), 'INVALID_UTF8');
  refuses(Buffer.concat([under('Endpoint', 'nodes', 'x', 'id'), odd]), 'INVALID_UTF8');
  refuses(
    Buffer.concat([under('Endpoint', 'nodes', 'x', 'adjacency'), Buffer.of(0x91), odd]),
    'INVALID_UTF8',
  );
  refuses(
    Buffer.concat([under('Endpoint', 'nodes', 'x', 'parents', 'host'), Buffer.of(0x91), odd]),
    'INVALID_UTF8',
  );
});

test('times that are none are refused', () => {
  const inMessage = (time: Buffer): Buffer => toGoMsgpack({ TS: time });
  refuses(inMessage(Buffer.from('2026-11-21T07:08:56Z')), 'BAD_TIMESTAMP');
  refuses(inMessage(goTime(0, 0, 0).subarray(0, 14)), 'BAD_TIMESTAMP');
  refuses(inMessage(Buffer.alloc(15)), 'BAD_TIMESTAMP');
  refuses(inMessage(Buffer.alloc(15, 0xff).fill(1, 0, 1)), 'BAD_TIMESTAMP');
  refuses(inMessage(goTime(0, 1_000_000_000, 0)), 'BAD_TIMESTAMP');
  refuses(inMessage(goTime(0, -1, 0)), 'BAD_TIMESTAMP');
  refuses(inMessage(goTime(253_402_300_800, 0, 0)), 'BAD_TIMESTAMP');
  refuses(inMessage(goTime(0, 0, 1440)), 'BAD_TIMESTAMP');
});

test('numbers that are none are refused, and counts below zero', () => {
  const double = (value: number): Buffer => {
    const bytes = Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  };
  for (const value of [NaN, Infinity, -Infinity]) {
    refuses(
      Buffer.concat([under('Endpoint', 'nodes', 'x', 'metrics', 'cpu', 'max'), double(value)]),
      'BAD_NUMBER',
    );
    refuses(Buffer.concat([under('Window'), double(value)]), 'BAD_NUMBER');
  }
  refuses(toGoMsgpack({ Window: -1 }), 'BAD_NUMBER');
  refuses(toGoMsgpack({ Sampling: { Count: -1 } }), 'BAD_NUMBER');
});

test('lengths that the input can not hold are refused before anything is allocated', () => {
  const heads = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0xdf, 0xff, 0xff, 0xff, 0xff],
    [0xdc, 0xff, 0xff],
    [0xde, 0xff, 0xff],
  ];
  for (const head of heads) {
    for (const key of ['Unheard', 'Plugins', 'DNS', 'Endpoint']) {
      const code =
        (key === 'Plugins') === [0xdd, 0xdc].includes(head[0]!) || key === 'Unheard'
          ? 'TRUNCATED'
          : 'WRONG_TYPE';
      refuses(Buffer.concat([under(key), Buffer.from(head)]), code);
    }
  }
  const text = Buffer.of(0xdb, 0xff, 0xff, 0xff, 0xff);
  refuses(Buffer.concat([under('ID'), text]), 'TEXT_TOO_LONG');
  refuses(Buffer.concat([under('ID'), text]), 'TRUNCATED', { maxTextBytes: 2 ** 32 });
});

test('each limit is kept, and lets through what just fits', () => {
  const nodes = (count: number): Buffer =>
    toGoMsgpack({
      Endpoint: { nodes: Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, {}])) },
    });
  refuses(nodes(11), 'TOO_MANY_NODES', { maxNodes: 10 });
  assert.equal(decodeReport(nodes(10), { maxNodes: 10 }).topologies.get('Endpoint')?.nodes.size, 10);
  const family = { Endpoint: { nodes: { x: { children: [{ id: 'a' }, { id: 'b' }] } } } };
  refuses(toGoMsgpack(family), 'TOO_MANY_NODES', { maxNodes: 2 });
  assert.equal(decodeReport(toGoMsgpack(family), { maxNodes: 3 }).topologies.size, 1);
  const body = nodes(10);
  refuses(body, 'TOO_LARGE', { maxBytes: body.length - 1 });
  decodeReport(body, { maxBytes: body.length });
  refuses(body, 'TOO_MANY_ENTRIES', { maxEntries: 11 });
  decodeReport(body, { maxEntries: 12 });
  const skipped = toGoMsgpack({ Unheard: [1, 2, 3] });
  refuses(skipped, 'TOO_MANY_ENTRIES', { maxEntries: 3 });
  decodeReport(skipped, { maxEntries: 4 });
  const opaque = toGoMsgpack({ Plugins: [{}, {}] });
  refuses(opaque, 'TOO_MANY_ENTRIES', { maxEntries: 66 });
  decodeReport(opaque, { maxEntries: 67 });
  refuses(toGoMsgpack({ ID: 'abcd' }), 'TEXT_TOO_LONG', { maxTextBytes: 3 });
  decodeReport(toGoMsgpack({ ID: 'abc' }), { maxTextBytes: 3 });
});

test('nesting is bounded where it is read, where it is kept as it is, and where nobody looks', () => {
  const depth = 100_000;
  const lists = Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);
  refuses(Buffer.concat([under('Unheard'), lists]), 'TOO_DEEP');
  refuses(Buffer.concat([under('Plugins'), lists]), 'TOO_DEEP');
  const child = Buffer.concat([Buffer.of(0x91, 0x81), toGoMsgpack('children')]);
  const children = Buffer.concat(Array.from({ length: depth }, () => child));
  refuses(
    Buffer.concat([under('Endpoint', 'nodes', 'x', 'children'), children, Buffer.of(0xc0)]),
    'TOO_DEEP',
  );
  const maps = Buffer.concat(Array.from({ length: depth }, () => under('a')));
  refuses(Buffer.concat([under('Endpoint', 'controls'), maps, Buffer.of(0xc0)]), 'TOO_DEEP');
  refuses(toGoMsgpack({ Unheard: [[]] }), 'TOO_DEEP', { maxDepth: 2 });
  decodeReport(toGoMsgpack({ Unheard: [[]] }), { maxDepth: 3 });
});
