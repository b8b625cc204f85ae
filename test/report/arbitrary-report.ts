/**
 * Generated reports. They draw from few ids, keys, values and times, so that several of them have much to disagree
 * about; and they are in the form that reading gives: sets sorted, nothing empty.
 */
import fc from 'fast-check';
import { mergeFlowRows } from '../../src/report/merge/reports.js';
import type { FlowRow, FlowRowEnd } from '../../src/report/model/flow-row.js';
import type {
  DnsNames,
  Latest,
  Metric,
  Node,
  Report,
  Sample,
  Timestamp,
  Topology,
  TopologyKey,
} from '../../src/report/model/model.js';

/** Without the keys whose value is undefined: an absent field is absent. */
function compact<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Plain objects, as the reader makes them. */
function record<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T, keyof T>(fields, { noNullPrototype: true });
}

const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'é', '😀');

const timestamp: fc.Arbitrary<Timestamp> = record({
  unixSeconds: fc.constantFrom(-62_135_596_800, 0, 1_795_244_936, 1_795_244_937),
  nanos: fc.constantFrom(0, 1, 999_999_999),
  zoneMinutes: fc.constantFrom(-1, 0, 120),
});

const latest: fc.Arbitrary<Latest> = record({ timestamp, value: word });

function mapOf<V>(value: fc.Arbitrary<V>, minLength = 1): fc.Arbitrary<Map<string, V>> {
  return fc.array(fc.tuple(word, value), { minLength, maxLength: 3 }).map((entries) => new Map(entries));
}

const texts: fc.Arbitrary<readonly string[]> = fc
  .array(word, { minLength: 1, maxLength: 4 })
  .map((words) => [...new Set(words)].sort());

function instant(sample: Sample): string {
  return `${sample.date.unixSeconds}.${sample.date.nanos}`;
}

const metric: fc.Arbitrary<Metric> = record({
  samples: fc
    .uniqueArray(record({ date: timestamp, value: fc.integer({ min: 0, max: 2 }) }), {
      maxLength: 4,
      selector: instant,
    })
    .map((samples) =>
      samples.sort((a, b) => a.date.unixSeconds - b.date.unixSeconds || a.date.nanos - b.date.nanos),
    ),
  min: fc.integer({ min: -2, max: 0 }),
  max: fc.integer({ min: 0, max: 2 }),
});

function maybe<V>(value: fc.Arbitrary<V>): fc.Arbitrary<V | undefined> {
  return fc.option(value, { nil: undefined, freq: 2 });
}

/** @param depth how many generations of children there may be */
function node(id: string, depth: number): fc.Arbitrary<Node> {
  const children =
    depth === 0
      ? fc.constant(undefined)
      : maybe(
          fc
            .uniqueArray(word, { minLength: 1, maxLength: 2 })
            .chain((ids) => fc.tuple(...ids.sort().map((child) => node(child, depth - 1)))),
        );
  return record({
    id: fc.constant(id),
    topology: fc.constantFrom('endpoint', 'process'),
    latest: maybe(mapOf(latest)),
    sets: maybe(mapOf(texts)),
    adjacency: maybe(texts),
    metrics: maybe(mapOf(metric)),
    parents: maybe(mapOf(texts)),
    children,
  }).map((fields) => compact<Node>(fields));
}

function templates<T extends object>(
  fields: fc.Arbitrary<T>,
): fc.Arbitrary<Map<string, T & { id: string }> | undefined> {
  return maybe(mapOf(fields)).map(
    (map) => map && new Map([...map].map(([id, template]) => [id, { ...template, id }])),
  );
}

const topology: fc.Arbitrary<Topology> = record({
  shape: maybe(fc.constantFrom('square', 'circle')),
  tag: maybe(word),
  label: maybe(word),
  labelPlural: maybe(word),
  nodes: fc
    .uniqueArray(word, { maxLength: 3 })
    .chain((ids) => fc.tuple(...ids.map((id) => node(id, 1))))
    .map((nodes) => new Map(nodes.map((each) => [each.id, each]))),
  metadataTemplates: templates(record({ label: word, priority: fc.integer({ min: 1, max: 2 }) })),
  metricTemplates: templates(record({ label: word, format: fc.constantFrom('percent', 'filesize') })),
  tableTemplates: templates(record({ prefix: word, fixedRows: mapOf(word) })),
  controls: maybe(mapOf<unknown>(fc.oneof(word, mapOf<unknown>(word)))),
}).map((fields) => compact<Topology>(fields));

const dnsNames: fc.Arbitrary<DnsNames> = record({ forward: maybe(texts), reverse: maybe(texts) }).map(
  (fields) => compact<DnsNames>(fields),
);

const plugins: fc.Arbitrary<readonly unknown[]> = fc
  .uniqueArray(record({ id: word, status: word }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ id }) => id,
  })
  .map((list) =>
    list
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, status }) => new Map(Object.entries({ id, status }))),
  );

const count = fc.constantFrom(0, 1, 7, Number.MAX_SAFE_INTEGER);

function flowEnd(address: string): fc.Arbitrary<FlowRowEnd> {
  return record({
    address: fc.constant(address),
    host: maybe(word),
    pid: maybe(fc.constantFrom(1, 4711)),
    start: maybe(count),
    name: maybe(word),
  }).map((fields) => compact<FlowRowEnd>(fields));
}

export const flowRow: fc.Arbitrary<FlowRow> = record({
  scope: fc.constantFrom('', 'vm', 'vm-4026531833'),
  client: flowEnd('10.0.0.1'),
  server: fc
    .tuple(flowEnd('10.0.0.2'), fc.constantFrom(1, 80, 65_535))
    .map(([end, port]) => ({ ...end, port })),
  via: maybe(fc.constantFrom('10.0.0.9:80', '[::1]:80')),
  connections: count,
  opened: count,
  closed: count,
  live: count,
  failed: mapOf(count, 0).map((reasons) => Object.fromEntries(reasons)),
  bytesSent: count,
  bytesReceived: count,
  retransmits: count,
  rttMicros: maybe(fc.constantFrom(0, 0.5, 900)),
  connectMicros: maybe(count),
  evidence: record({
    direction: maybe(word),
    clientProcess: maybe(word),
    serverProcess: maybe(word),
    nat: maybe(word),
  }).map((fields) => compact<FlowRow['evidence']>(fields)),
  sampled: maybe(fc.constant(true)),
  ports: fc.array(fc.tuple(fc.constantFrom(1, 40_000, 65_535), count), { maxLength: 3 }),
}).map((fields) => compact<FlowRow>(fields));

const flowRows = fc.array(flowRow, { maxLength: 2 }).map((rows) => mergeFlowRows([rows]));

const isSet = (at: Timestamp): boolean => at.unixSeconds !== -62_135_596_800 || at.nanos !== 0;

export const report: fc.Arbitrary<Report> = record({
  id: fc.constantFrom('1', '2', '3'),
  timestamp: maybe(timestamp.filter(isSet)),
  topologies: fc
    .uniqueArray(fc.constantFrom<TopologyKey>('Endpoint', 'Process', 'Overlay'), { maxLength: 3 })
    .chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(fc.constant(key), topology))))
    .map((entries) => new Map(entries)),
  dns: mapOf(dnsNames, 0),
  sampling: maybe(record({ count: fc.integer({ min: 1, max: 9 }), total: fc.integer({ min: 1, max: 9 }) })),
  windowNanos: maybe(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  shortcut: maybe(fc.constant(true)),
  plugins: maybe(plugins),
  flows: maybe(flowRows),
}).map((fields) => compact<Report>(fields));

/** A report without what is added up rather than joined. */
export function withoutSums(from: Report): Report {
  const { sampling: _sampling, windowNanos: _windowNanos, ...rest } = from;
  return rest;
}
