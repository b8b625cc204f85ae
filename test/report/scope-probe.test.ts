/** What a Scope probe of any age sends is read completely, and goes out again without loss. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeReport, encodeReport, formatTimestamp, GO_ZERO } from '../../src/report/index.js';
import type { Node } from '../../src/report/model/model.js';
import { fromOldMsgpack, goTime, toGoMsgpack, type Tree } from './go-msgpack.js';
import { SCOPE_REPORT, TAKEN_AT } from './scope-report.js';

test("what Scope's probe sends is decoded and encoded again without loss", () => {
  const sent = toGoMsgpack(SCOPE_REPORT);
  const again = Buffer.from(encodeReport(decodeReport(sent)));
  assert.deepEqual(withoutEmptyTexts(fromOldMsgpack(again)), withoutEmptyTexts(fromOldMsgpack(sent)));
  assert.ok(again.length < sent.length, 'nothing is written for what is absent');
});

/** Empty labels and the like say as little as absent ones; an empty fact is a fact. */
function withoutEmptyTexts(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(withoutEmptyTexts);
  if (!(tree instanceof Map)) return tree;
  const map = tree as Map<string, unknown>;
  const isFact = map.has('timestamp');
  const kept = [...map]
    .filter(([key, value]) => value !== '' || (isFact && key === 'value'))
    .map(([key, value]) => [key, withoutEmptyTexts(value)] as const)
    .filter(([, value]) => !(value instanceof Map && value.size === 0));
  return new Map(kept);
}

test('times whose bytes are not UTF-8 keep their nanoseconds and their zone', () => {
  const report = decodeReport(toGoMsgpack(SCOPE_REPORT));
  assert.deepEqual(report.timestamp, { unixSeconds: 1_795_244_936, nanos: 0x3a_bb_cc_dd, zoneMinutes: 0 });
  const endpoint = report.topologies.get('Endpoint')?.nodes.get('vm-4026531833;127.0.0.1;8097');
  assert.equal(
    formatTimestamp(endpoint?.latest?.get('pid')?.timestamp ?? GO_ZERO),
    '2026-11-21T01:38:50.267452288-05:30',
  );
});

test('absent containers are not there, be they nil or left out', () => {
  const node = decodeReport(toGoMsgpack(SCOPE_REPORT)).topologies.get('Endpoint')?.nodes.get(';10.0.0.9;443');
  assert.deepEqual(node, { id: ';10.0.0.9;443', topology: 'endpoint' });
  const leftOut = toGoMsgpack({ Endpoint: { nodes: { x: {} } }, Host: { nodes: null }, Process: null });
  const { topologies } = decodeReport(leftOut);
  assert.deepEqual(topologies.get('Endpoint')?.nodes.get('x'), { id: 'x', topology: 'endpoint' });
  assert.equal(topologies.get('Host')?.nodes.size, 0);
  assert.equal(topologies.get('Process')?.nodes.size, 0);
});

test("Go's zero time and no time are the same: none", () => {
  assert.equal(decodeReport(toGoMsgpack({ TS: goTime(-62_135_596_800, 0, -1) })).timestamp, undefined);
  assert.equal(decodeReport(toGoMsgpack({ TS: null })).timestamp, undefined);
  assert.equal(decodeReport(toGoMsgpack({})).timestamp, undefined);
});

test('keys nobody knows are passed over, whatever is in them', () => {
  const extra: Tree = { deep: [{ deeper: [null, true, -1, 1e6, 'text', TAKEN_AT] }], more: {} };
  const known = decodeReport(toGoMsgpack(SCOPE_REPORT));
  assert.deepEqual(decodeReport(toGoMsgpack({ Future: extra, ...SCOPE_REPORT, Later: 5 })), known);
  const node = { id: 'x', topology: 'endpoint', unheard: extra, latestControls: { a: extra } };
  const withNode = decodeReport(toGoMsgpack({ Endpoint: { unheard: extra, nodes: { x: node } } }));
  assert.deepEqual(withNode.topologies.get('Endpoint')?.nodes.get('x'), { id: 'x', topology: 'endpoint' });
});

test('a key that no JavaScript object could hold is only a key', () => {
  const sent = Buffer.concat([
    Buffer.of(0x81),
    toGoMsgpack('Endpoint'),
    Buffer.of(0x81),
    toGoMsgpack('nodes'),
    Buffer.of(0x81),
    toGoMsgpack('__proto__'),
    Buffer.of(0x81),
    toGoMsgpack('latest'),
    Buffer.of(0x81),
    toGoMsgpack('constructor'),
    toGoMsgpack({ timestamp: TAKEN_AT, value: 'x' }),
  ]);
  const node = decodeReport(sent).topologies.get('Endpoint')?.nodes.get('__proto__');
  assert.equal(node?.id, '__proto__');
  assert.equal(node.latest?.get('constructor')?.value, 'x');
  assert.equal(Object.prototype.hasOwnProperty.call(Object.prototype, 'latest'), false);
});

test('sets and adjacency come out sorted and without repeats', () => {
  const sent = { Endpoint: { nodes: { x: { adjacency: ['b', 'a', 'b'], sets: { s: ['z', 'y', 'z'] } } } } };
  const node = decodeReport(toGoMsgpack(sent)).topologies.get('Endpoint')?.nodes.get('x');
  assert.deepEqual(
    [node?.adjacency, node?.sets?.get('s')],
    [
      ['a', 'b'],
      ['y', 'z'],
    ],
  );
});

test('a command line that is not UTF-8 costs its odd bytes, not the report', () => {
  const value = Buffer.from([0x61, 0xff, 0x62]);
  const sent = { Process: { nodes: { 'vm;1': { latest: { cmdline: { timestamp: TAKEN_AT, value } } } } } };
  const node = decodeReport(toGoMsgpack(sent)).topologies.get('Process')?.nodes.get('vm;1');
  assert.equal(node?.latest?.get('cmdline')?.value, 'a\ufffdb');
});

function nodesOf(tree: Tree, key: 'Endpoint' | 'Pod' | 'Namespace'): ReadonlyMap<string, Node> {
  return decodeReport(toGoMsgpack(tree)).topologies.get(key)?.nodes ?? new Map<string, Node>();
}

test('old probes: `nodes` of the report are its DNS records', () => {
  const names = { forward: ['a.example'], reverse: null };
  const report = decodeReport(toGoMsgpack({ nodes: { '10.0.0.1': names } }));
  assert.deepEqual(report.dns, new Map([['10.0.0.1', { forward: ['a.example'] }]]));
});

test('old probes: names that are sets of endpoints become DNS records', () => {
  const report = decodeReport(
    toGoMsgpack({
      Endpoint: {
        nodes: {
          ';10.0.0.1;80': { sets: { snooped_dns_names: ['b', 'a'], reverse_dns_names: ['r'] } },
          ';10.0.0.1;81': { sets: { snooped_dns_names: ['c'] } },
          ';10.0.0.2;80': { sets: { other: ['x'] } },
          'not an endpoint': { sets: { snooped_dns_names: ['d'] } },
        },
      },
    }),
  );
  assert.deepEqual(report.dns, new Map([['10.0.0.1', { forward: ['a', 'b', 'c'], reverse: ['r'] }]]));
});

test('old probes: counters become facts', () => {
  const nodes = nodesOf({ Endpoint: { nodes: { x: { counters: { seen: 5 } } } }, TS: TAKEN_AT }, 'Endpoint');
  assert.deepEqual(
    nodes.get('x')?.latest,
    new Map([
      [
        'count_seen',
        { timestamp: { unixSeconds: 1_795_244_936, nanos: 0x3a_bb_cc_dd, zoneMinutes: 0 }, value: '5' },
      ],
    ]),
  );
});

test("old probes: pods' replica sets become their deployments", () => {
  const tree = {
    Pod: {
      nodes: {
        p: { parents: { replica_set: ['r', 'gone'], service: ['s'] } },
        q: { parents: { host: ['h'] } },
      },
    },
    ReplicaSet: { nodes: { r: { parents: { deployment: ['d'] } } } },
  };
  const pods = nodesOf(tree, 'Pod');
  assert.deepEqual(
    pods.get('p')?.parents,
    new Map([
      ['service', ['s']],
      ['deployment', ['d']],
    ]),
  );
  assert.deepEqual(pods.get('q')?.parents, new Map([['host', ['h']]]));
});

test('old probes: missing namespaces are made from what is in them', () => {
  const fact = (value: string): Tree => ({ timestamp: TAKEN_AT, value });
  const tree = {
    Pod: { nodes: { p: { latest: { kubernetes_namespace: fact('shop') } } } },
    Service: {
      nodes: { s: { latest: { kubernetes_namespace: fact('gone'), kubernetes_state: fact('deleted') } } },
    },
  };
  const made = nodesOf(tree, 'Namespace');
  assert.deepEqual([...made.keys()], ['shop;<namespace>']);
  assert.equal(made.get('shop;<namespace>')?.latest?.get('kubernetes_name')?.value, 'shop');
  const own = { ...tree, Namespace: { nodes: { 'uid;<namespace>': {} } } };
  assert.deepEqual([...nodesOf(own, 'Namespace').keys()], ['uid;<namespace>']);
});
