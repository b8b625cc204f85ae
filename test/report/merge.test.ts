/** What becomes of each part of a report when two are merged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GO_ZERO, mergeNodes, mergeReports, mergeTopologies } from '../../src/report/index.js';
import type { Latest, Metric, Node, Report, Timestamp, Topology } from '../../src/report/model/model.js';

function at(unixSeconds: number, zoneMinutes = -1): Timestamp {
  return { unixSeconds, nanos: 0, zoneMinutes };
}

function reportWith(fields: Partial<Report>): Report {
  return { id: '1', topologies: new Map(), dns: new Map(), ...fields };
}

function nodeWith(fields: Partial<Node>): Node {
  return { id: 'x', topology: 'endpoint', ...fields };
}

function latest(entries: Readonly<Record<string, Latest>>): Node {
  return nodeWith({ latest: new Map(Object.entries(entries)) });
}

test('of two facts the later one stays, of two at one instant the greater value', () => {
  const merged = mergeNodes([
    latest({ later: { timestamp: at(2), value: 'a' }, tie: { timestamp: at(5, 120), value: 'b' } }),
    latest({ later: { timestamp: at(1), value: 'z' }, tie: { timestamp: at(5), value: 'c' } }),
    latest({ only: { timestamp: GO_ZERO, value: '' } }),
  ]);
  assert.deepEqual(
    merged,
    latest({
      later: { timestamp: at(2), value: 'a' },
      tie: { timestamp: at(5), value: 'c' },
      only: { timestamp: GO_ZERO, value: '' },
    }),
  );
});

test('sets, adjacency and parents are united', () => {
  const merged = mergeNodes([
    nodeWith({ adjacency: ['a', 'c'], sets: new Map([['s', ['1']]]), parents: new Map([['host', ['h']]]) }),
    nodeWith({ adjacency: ['b', 'c'], sets: new Map([['t', ['2']]]), parents: new Map([['host', ['g']]]) }),
    nodeWith({}),
  ]);
  assert.deepEqual(
    merged,
    nodeWith({
      adjacency: ['a', 'b', 'c'],
      sets: new Map([
        ['s', ['1']],
        ['t', ['2']],
      ]),
      parents: new Map([['host', ['g', 'h']]]),
    }),
  );
});

test('samples are joined in order of time, the range is widened', () => {
  const metric = (min: number, max: number, samples: Metric['samples']): Node =>
    nodeWith({ metrics: new Map([['cpu', { samples, min, max }]]) });
  const merged = mergeNodes([
    metric(1, 100, [
      { date: at(1), value: 1 },
      { date: at(3), value: 3 },
    ]),
    metric(0, 50, [
      { date: at(2), value: 2 },
      { date: at(3), value: 4 },
    ]),
  ]);
  assert.deepEqual(
    merged,
    metric(0, 100, [
      { date: at(1), value: 1 },
      { date: at(2), value: 2 },
      { date: at(3), value: 4 },
    ]),
  );
});

test('children are one by their ids', () => {
  const merged = mergeNodes([
    nodeWith({ children: [nodeWith({ id: 'b', adjacency: ['1'] })] }),
    nodeWith({ children: [nodeWith({ id: 'a' }), nodeWith({ id: 'b', adjacency: ['2'] })] }),
  ]);
  const children = [nodeWith({ id: 'a' }), nodeWith({ id: 'b', adjacency: ['1', '2'] })];
  assert.deepEqual(merged, nodeWith({ children }));
});

test('the time is the earliest that is one, windows and sampling add up, either shortcut counts', () => {
  const merged = mergeReports([
    reportWith({ timestamp: at(9), windowNanos: 3e9, sampling: { count: 1, total: 2 } }),
    reportWith({ timestamp: GO_ZERO, windowNanos: 2e9 }),
    reportWith({ timestamp: at(7), sampling: { count: 10, total: 20 }, shortcut: true, id: '2' }),
  ]);
  const sampling = { count: 11, total: 22 };
  assert.deepEqual(
    merged,
    reportWith({ id: '2', timestamp: at(7), windowNanos: 5e9, sampling, shortcut: true }),
  );
});

test('names of one address are united', () => {
  const merged = mergeReports([
    reportWith({ dns: new Map([['10.0.0.1', { forward: ['a'], reverse: ['r'] }]]) }),
    reportWith({
      dns: new Map([
        ['10.0.0.1', { forward: ['b'] }],
        ['10.0.0.2', {}],
      ]),
    }),
  ]);
  assert.deepEqual(
    merged.dns,
    new Map([
      ['10.0.0.1', { forward: ['a', 'b'], reverse: ['r'] }],
      ['10.0.0.2', {}],
    ]),
  );
});

test('templates, controls and plugins are one by their ids', () => {
  const topology = (label: string): Topology => ({
    shape: 'square',
    nodes: new Map(),
    metadataTemplates: new Map([
      ['pid', { id: 'pid', label: 'PID' }],
      [label, { id: label }],
    ]),
    controls: new Map([['c', new Map([['human', label]])]]),
  });
  const merged = mergeTopologies(topology('a'), topology('b'));
  assert.deepEqual([...(merged.metadataTemplates?.keys() ?? [])], ['pid', 'a', 'b']);
  assert.deepEqual(merged.controls, topology('b').controls);
  assert.equal(merged.shape, 'square');
  const plugin = (id: string, status: string): Map<string, string> => new Map(Object.entries({ id, status }));
  const { plugins } = mergeReports([
    reportWith({ plugins: [plugin('b', 'ok'), plugin('a', 'ok')] }),
    reportWith({ plugins: [plugin('b', 'ok')] }),
  ]);
  assert.deepEqual(plugins, [plugin('a', 'ok'), plugin('b', 'ok')]);
});

test('one version that says all the others say is shared, not copied', () => {
  const all = nodeWith({ adjacency: ['a', 'b'], latest: new Map([['k', { timestamp: at(2), value: 'v' }]]) });
  const less = nodeWith({ adjacency: ['b'], latest: new Map([['k', { timestamp: at(1), value: 'w' }]]) });
  const merged = mergeNodes([less, all]);
  assert.equal(merged.adjacency, all.adjacency);
  assert.equal(merged.latest, all.latest);
  assert.equal(mergeNodes([all, all]), all);
});
