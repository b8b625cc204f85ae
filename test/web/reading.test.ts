/** What people read and type: values, addresses of the page, searches, colours of groups. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Groups, SLOTS } from '../../src/web/graph/groups.js';
import { displayName } from '../../src/web/api/display-name.js';
import { parseDelta, type NodeSummary } from '../../src/web/api/wire.js';
import { formatBytes, formatDuration, formatFact, formatMetric } from '../../src/web/panels/format.js';
import { searchNodes } from '../../src/web/panels/search.js';
import { parseRoute, routeHash } from '../../src/web/shell/route.js';
import { processNode } from './generated-graph.js';

const summaries = (...nodes: readonly unknown[]): readonly NodeSummary[] =>
  parseDelta(JSON.stringify({ add: nodes })).add;

void test('metrics are shown with their unit, and a missing one as a dash', () => {
  assert.equal(formatMetric(3.256, 'percent'), '3.3 %');
  assert.equal(formatMetric(48_234_496, 'filesize'), '46 MiB');
  assert.equal(formatMetric(12_345, 'integer'), '12,345');
  assert.equal(formatMetric(undefined, 'percent'), '–');
  assert.equal(formatBytes(1_023), '1023 B');
});

void test('durations show their two largest units', () => {
  assert.deepEqual([0, 59, 61, 3_600, 273_600].map(formatDuration), [
    '0 s',
    '59 s',
    '1 min 1 s',
    '1 h',
    '3 d 4 h',
  ]);
});

void test('a fact that does not parse as its type is shown as it came', () => {
  assert.equal(formatFact('soon', 'datetime'), 'soon');
  assert.equal(formatFact('soon', 'duration'), 'soon');
});

void test('a program is called by the last part of its path, a long name by both its ends', () => {
  assert.equal(displayName('/usr/lib/postgresql/15/bin/postgres'), 'postgres');
  assert.equal(displayName('postgres: writer'), 'postgres: writer');
  assert.equal(displayName('/'), '/');
  const long = displayName('ip-10-0-0-17.eu-central-1.compute.internal.example.org');
  assert.match(long, /^ip-10-0-0-17.*….*example\.org$/);
  assert.equal(long.length, 34);
});

void test('every view and node id survives the address', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('processes', 'processes-by-name', 'hosts'),
      fc.string({ unit: 'grapheme', minLength: 1 }),
      (topology, node) => {
        assert.deepEqual(parseRoute(routeHash({ topology, node })), { topology, node });
      },
    ),
  );
});

void test('an address that is no route is the default view', () => {
  for (const hash of ['', '#', '#/', '#x', '#/../etc', '#/processes/%E0%A4%A']) {
    assert.deepEqual(parseRoute(hash), { topology: 'processes', node: undefined }, hash);
  }
});

void test('a search finds by name, PID, command and host, all words, any case', () => {
  const nodes = summaries(processNode('web-1', 4_711, 'nginx'), processNode('web-2', 99, 'nginx'));
  const find = (query: string): string[] => [...(searchNodes(nodes, query) ?? [])];
  assert.deepEqual(find('NGINX'), ['web-1;4711', 'web-2;99']);
  assert.deepEqual(find('nginx 4711'), ['web-1;4711']);
  assert.deepEqual(find('nginx.conf web-2'), ['web-2;99']);
  assert.deepEqual(find('apache'), []);
  assert.equal(searchNodes(nodes, '  '), undefined);
});

void test('nodes are coloured by name on one machine, by machine on several', () => {
  const groups = new Groups();
  const one = summaries(processNode('a', 1, 'nginx'), processNode('a', 2, 'redis'));
  groups.update(one);
  assert.equal(groups.kind, 'name');
  assert.notEqual(groups.slotOf(one[0]!), groups.slotOf(one[1]!));
  const two = summaries(processNode('a', 1, 'nginx'), processNode('b', 2, 'nginx'));
  assert.equal(groups.update(two), true);
  assert.deepEqual(
    groups.list().map(({ name }) => name),
    ['a', 'b'],
  );
});

void test('a group keeps its colour while others come and go, and the last ones share', () => {
  const groups = new Groups();
  const named = (count: number): readonly NodeSummary[] =>
    summaries(...Array.from({ length: count }, (_, at) => processNode('a', at + 1, `p${at}`)));
  groups.update(named(3));
  const before = groups.slotOf(named(3)[2]!);
  groups.update(named(SLOTS + 5));
  assert.equal(groups.slotOf(named(3)[2]!), before);
  assert.equal(groups.list().filter(({ slot }) => slot === undefined).length, 5);
});
