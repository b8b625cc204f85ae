/** The bytes and the JSON we send, field by field as Scope's format has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeReport, reportToJson } from '../../src/report/index.js';
import { TOPOLOGY_KEYS } from '../../src/report/model/model.js';
import { fromOldMsgpack } from './go-msgpack.js';
import { sampleReport } from './sample-report.js';

/** `2026-11-21T07:08:56.123456789` at offset 0, and three seconds later at +02:00 with 5 ns. */
const AT = '01 0000000ee2933a88 075bcd15 0000';
const LATER = '01 0000000ee2933a8b 00000005 0078';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function raw(text: string): string {
  return hex(Buffer.from(text));
}

function time(spaced: string): string {
  return spaced.replaceAll(' ', '');
}

test('a small report, byte by byte', () => {
  const timestamp = { unixSeconds: 1_795_244_936, nanos: 123_456_789, zoneMinutes: 0 };
  const nodes = new Map([
    [
      ';10.0.0.2;80',
      { id: ';10.0.0.2;80', topology: 'endpoint', latest: new Map([['pid', { timestamp, value: '4711' }]]) },
    ],
  ]);
  const bytes = encodeReport({
    id: '42',
    timestamp,
    topologies: new Map([['Endpoint', { nodes }]]),
    dns: new Map(),
  });
  const expected = [
    '83', // a map of three
    ...['a2', raw('ID'), 'a2', raw('42')],
    ...['a2', raw('TS'), 'af', time(AT)], // a time is a raw of 15 bytes
    ...['a8', raw('Endpoint'), '81', 'a5', raw('nodes'), '81'],
    ...['ac', raw(';10.0.0.2;80'), '83'],
    ...['a2', raw('id'), 'ac', raw(';10.0.0.2;80')],
    ...['a8', raw('topology'), 'a8', raw('endpoint')],
    ...['a6', raw('latest'), '81', 'a3', raw('pid'), '82'],
    ...['a9', raw('timestamp'), 'af', time(AT)],
    ...['a5', raw('value'), 'a4', raw('4711')],
  ];
  assert.equal(hex(bytes), expected.join(''));
});

test('every field of the format under its name, in the old specification', () => {
  const tree = fromOldMsgpack(Buffer.from(encodeReport(sampleReport())));
  const map = (entries: Record<string, unknown>): Map<string, unknown> =>
    new Map(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  const fact = (spaced: string, value: string): unknown =>
    map({ timestamp: time(spaced), value: raw(value) });
  const endpoint = map({
    id: raw('vm-4026531833;127.0.0.1;45678'),
    topology: raw('endpoint'),
    latest: map({ pid: fact(AT, '4711'), host_node_id: fact(LATER, 'vm;<host>') }),
    sets: map({ local_networks: [raw('10.0.0.0/8'), raw('172.17.0.0/16')] }),
    adjacency: [raw(';10.0.0.2;80'), raw(';10.0.0.3;443')],
    metrics: map({
      process_memory_usage_bytes: map({
        samples: [map({ date: time(AT), value: 4096 }), map({ date: time(LATER), value: 0.5 })],
        min: -3,
        max: 2 ** 64,
      }),
    }),
    parents: map({ host: [raw('vm;<host>')] }),
    children: [
      map({ id: raw('vm;4711'), topology: raw('process'), latest: map({ name: fact(AT, 'naïve ☃') }) }),
    ],
  });
  const expected = map({
    ID: raw('4815162342'),
    TS: time(AT),
    Endpoint: map({
      nodes: map({
        'vm-4026531833;127.0.0.1;45678': endpoint,
        ';10.0.0.2;80': map({ id: raw(';10.0.0.2;80'), topology: raw('endpoint') }),
      }),
    }),
    Process: map({
      shape: raw('square'),
      tag: raw('a tag'),
      label: raw('process'),
      label_plural: raw('processes'),
      metadata_templates: map({
        pid: map({
          id: raw('pid'),
          label: raw('PID'),
          truncate: 6,
          dataType: raw('number'),
          priority: 1,
          from: raw('latest'),
        }),
      }),
      metric_templates: map({
        cpu: map({
          id: raw('cpu'),
          label: raw('CPU'),
          format: raw('percent'),
          group: raw('load'),
          priority: 2.5,
        }),
      }),
      table_templates: map({
        docker_label_: map({
          id: raw('docker_label_'),
          label: raw('Labels'),
          prefix: raw('docker_label_'),
          type: raw('property-list'),
          columns: [map({ id: raw('a'), label: raw('A'), dataType: raw('ip') })],
          fixedRows: map({ x: raw('y') }),
        }),
      }),
      controls: map({ host_exec: map({ id: raw('host_exec'), human: raw('Exec shell'), rank: 1 }) }),
    }),
    DNS: map({
      '10.0.0.2': map({ forward: [raw('a.example'), raw('b.example')], reverse: [raw('c.example')] }),
      '10.0.0.3': map({ reverse: [raw('d.example')] }),
    }),
    Sampling: map({ Count: 7, Total: 9 }),
    Window: 3_000_000_001,
    Shortcut: true,
    Plugins: [map({ id: raw('traffic'), interfaces: [raw('reporter'), raw('controller')], ok: true })],
    Flows: [
      map({
        scope: raw('vm-4026531833'),
        client: map({
          address: raw('127.0.0.1'),
          host: raw('vm'),
          pid: 4711,
          start: 815,
          name: raw('curl'),
        }),
        server: map({
          address: raw('::1'),
          host: raw('vm2'),
          pid: 12,
          start: 34,
          name: raw('naïve ☃'),
          port: 8080,
        }),
        via: raw('[::1]:80'),
        connections: 11,
        opened: 21,
        closed: 31,
        live: 41,
        failed: map({ refused: 51, 'timed out': 61 }),
        bytesSent: 2 ** 53 - 1,
        bytesReceived: 71,
        retransmits: 81,
        rttMicros: 91.5,
        connectMicros: 101,
        evidence: map({
          direction: raw('handshake'),
          clientProcess: raw('connect'),
          serverProcess: raw('use'),
          nat: raw('conntrack'),
        }),
        sampled: true,
        ports: [
          [40_001, 5],
          [40_004, 6],
        ],
      }),
    ],
  });
  assert.deepEqual(tree, expected);
});

test('the JSON form has the same fields, with times to the nanosecond', () => {
  const json = JSON.parse(reportToJson(sampleReport())) as Record<string, { nodes?: Record<string, object> }>;
  assert.deepEqual(
    Object.keys(json).sort(),
    [...TOPOLOGY_KEYS, 'ID', 'TS', 'DNS', 'Sampling', 'Window', 'Shortcut', 'Plugins', 'Flows'].sort(),
  );
  assert.equal(json['TS'], '2026-11-21T07:08:56.123456789Z');
  assert.deepEqual(json['Sampling'], { Count: 7, Total: 9 });
  assert.deepEqual(json['Flows'], sampleReport().flows);
  assert.deepEqual(json['Endpoint']?.nodes?.['vm-4026531833;127.0.0.1;45678'], {
    id: 'vm-4026531833;127.0.0.1;45678',
    topology: 'endpoint',
    latest: {
      pid: { timestamp: '2026-11-21T07:08:56.123456789Z', value: '4711' },
      host_node_id: { timestamp: '2026-11-21T09:08:59.000000005+02:00', value: 'vm;<host>' },
    },
    sets: { local_networks: ['10.0.0.0/8', '172.17.0.0/16'] },
    adjacency: [';10.0.0.2;80', ';10.0.0.3;443'],
    metrics: {
      process_memory_usage_bytes: {
        samples: [
          { date: '2026-11-21T07:08:56.123456789Z', value: 4096 },
          { date: '2026-11-21T09:08:59.000000005+02:00', value: 0.5 },
        ],
        min: -3,
        max: 2 ** 64,
      },
    },
    parents: { host: ['vm;<host>'] },
    children: [
      {
        id: 'vm;4711',
        topology: 'process',
        latest: { name: { timestamp: '2026-11-21T07:08:56.123456789Z', value: 'naïve ☃' } },
      },
    ],
  });
});
