/** JSON that means harm, or is broken, gets an error with a code, before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ReportError,
  reportFromJson,
  reportToJson,
  type DecodeLimits,
  type ReportErrorCode,
} from '../../src/report/index.js';
import { sampleReport } from './sample-report.js';

function refuses(json: string, code: ReportErrorCode, limits?: Partial<DecodeLimits>): void {
  assert.throws(
    () => reportFromJson(json, limits),
    (error) => error instanceof ReportError && error.code === code,
    json.slice(0, 100),
  );
}

test('every truncation of a report is refused', () => {
  const whole = reportToJson(sampleReport());
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => reportFromJson(whole.slice(0, length)), ReportError);
  }
});

test('what is no JSON is refused', () => {
  refuses('{"ID" "x"}', 'BAD_SYNTAX');
  refuses('{"ID":"x" "TS":null}', 'BAD_SYNTAX');
  refuses('{,"ID":"x"}', 'BAD_SYNTAX');
  refuses('{"ID":"x",}', 'BAD_SYNTAX');
  refuses('{"Plugins":[1,]}', 'BAD_SYNTAX');
  refuses('{"Plugins":[1 2]}', 'BAD_SYNTAX');
  refuses('{ID:"x"}', 'BAD_SYNTAX');
  refuses('{"ID":"\u0001"}', 'BAD_SYNTAX');
  refuses('{"ID":"\\x"}', 'BAD_SYNTAX');
  refuses('{"ID":nul}', 'BAD_SYNTAX');
  refuses('{"Window":+1}', 'BAD_SYNTAX');
  refuses('{"Window":.5}', 'BAD_SYNTAX');
  refuses('{"Window":01}', 'BAD_SYNTAX');
  refuses('{"Unheard":tru}', 'BAD_SYNTAX');
  refuses('', 'TRUNCATED');
  refuses('{} {}', 'TRAILING_BYTES');
});

test('blanks between values mean nothing, and escapes what they stand for', () => {
  const report = reportFromJson(' \r\n{\t"ID" : "a\\u00e9\\n\\"\\\\" , "Window":\n1e3 } ');
  assert.deepEqual(report, { id: 'aé\n"\\', windowNanos: 1000, topologies: new Map(), dns: new Map() });
});

test('every kind of wrong type is refused', () => {
  for (const json of ['[]', 'null', '"x"', '5', 'true']) refuses(json, 'WRONG_TYPE');
  for (const fields of ['"ID":5', '"TS":{}', '"DNS":[]', '"Window":"x"', '"Shortcut":0', '"Plugins":{}']) {
    refuses(`{${fields}}`, 'WRONG_TYPE');
  }
  refuses('{"Flows":{}}', 'WRONG_TYPE');
  refuses('{"Endpoint":{"nodes":{"x":{"adjacency":"y"}}}}', 'WRONG_TYPE');
  refuses('{"Endpoint":{"nodes":{"x":{"latest":{"k":"v"}}}}}', 'WRONG_TYPE');
});

test('times and numbers that are none are refused', () => {
  for (const time of [
    'x',
    '2026-13-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-01-01T00:00:00',
    '1970-01-01',
  ]) {
    refuses(`{"TS":"${time}"}`, 'BAD_TIMESTAMP');
  }
  refuses('{"Window":1e999}', 'BAD_NUMBER');
  refuses('{"Window":-1}', 'BAD_NUMBER');
  refuses('{"Plugins":[-1e999]}', 'BAD_NUMBER');
});

test('a key that comes twice is refused, however it is spelt', () => {
  refuses('{"ID":"1","ID":"2"}', 'DUPLICATE_KEY');
  refuses('{"ID":"1","\\u0049D":"2"}', 'DUPLICATE_KEY');
  refuses('{"Endpoint":{"nodes":{"x":{},"x":{}}}}', 'DUPLICATE_KEY');
});

test('a key that no JavaScript object could hold is only a key', () => {
  const json =
    '{"Endpoint":{"nodes":{"__proto__":{"latest":{"__proto__":{"value":"x"}}}}},"DNS":{"__proto__":{}}}';
  const report = reportFromJson(json);
  const node = report.topologies.get('Endpoint')?.nodes.get('__proto__');
  assert.equal(node?.latest?.get('__proto__')?.value, 'x');
  assert.ok(reportToJson(report).includes('"nodes":{"__proto__":{"id":"__proto__"'));
});

test('half a surrogate pair is refused in ids and replaced in values', () => {
  refuses('{"Endpoint":{"nodes":{"\\ud800":{}}}}', 'INVALID_UTF8');
  const report = reportFromJson('{"Endpoint":{"nodes":{"x":{"latest":{"k":{"value":"a\\ud800b"}}}}}}');
  const node = report.topologies.get('Endpoint')?.nodes.get('x');
  assert.equal(node?.latest?.get('k')?.value, 'a\ufffdb');
});

test('each limit is kept', () => {
  const json = '{"Endpoint":{"nodes":{"x":{},"y":{"adjacency":["a","b"]}}}}';
  refuses(json, 'TOO_LARGE', { maxBytes: json.length - 1 });
  refuses(json, 'TOO_MANY_NODES', { maxNodes: 1 });
  refuses(json, 'TOO_MANY_ENTRIES', { maxEntries: 6 });
  refuses(json, 'TEXT_TOO_LONG', { maxTextBytes: 8 });
  refuses(json, 'TOO_DEEP', { maxDepth: 4 });
  const limits = { maxBytes: json.length, maxNodes: 2, maxEntries: 7, maxTextBytes: 9, maxDepth: 5 };
  assert.equal(reportFromJson(json, limits).topologies.get('Endpoint')?.nodes.size, 2);
});

test('nesting is bounded, whether anyone looks or not', () => {
  for (const key of ['Unheard', 'Plugins']) refuses(`{"${key}":${'['.repeat(1_000_000)}`, 'TOO_DEEP');
  refuses(`{"Unheard":${'{"a":'.repeat(1_000_000)}`, 'TOO_DEEP');
});
