/** A report with something in every field of the model, and not one value twice where it could be confused. */
import type { Node, Report, Timestamp } from '../../src/report/model/model.js';

export const AT: Timestamp = { unixSeconds: 1_795_244_936, nanos: 123_456_789, zoneMinutes: 0 };
export const LATER: Timestamp = { unixSeconds: 1_795_244_939, nanos: 5, zoneMinutes: 120 };

export function sampleReport(): Report {
  const endpoint: Node = {
    id: 'vm-4026531833;127.0.0.1;45678',
    topology: 'endpoint',
    latest: new Map([
      ['pid', { timestamp: AT, value: '4711' }],
      ['host_node_id', { timestamp: LATER, value: 'vm;<host>' }],
    ]),
    sets: new Map([['local_networks', ['10.0.0.0/8', '172.17.0.0/16']]]),
    adjacency: [';10.0.0.2;80', ';10.0.0.3;443'],
    metrics: new Map([
      [
        'process_memory_usage_bytes',
        {
          samples: [
            { date: AT, value: 4096 },
            { date: LATER, value: 0.5 },
          ],
          min: -3,
          max: 2 ** 64,
        },
      ],
    ]),
    parents: new Map([['host', ['vm;<host>']]]),
    children: [
      {
        id: 'vm;4711',
        topology: 'process',
        latest: new Map([['name', { timestamp: AT, value: 'naïve ☃' }]]),
      },
    ],
  };
  return {
    id: '4815162342',
    timestamp: AT,
    topologies: new Map([
      [
        'Endpoint',
        {
          nodes: new Map([
            [endpoint.id, endpoint],
            [';10.0.0.2;80', { id: ';10.0.0.2;80', topology: 'endpoint' }],
          ]),
        },
      ],
      [
        'Process',
        {
          shape: 'square',
          tag: 'a tag',
          label: 'process',
          labelPlural: 'processes',
          nodes: new Map(),
          metadataTemplates: new Map([
            [
              'pid',
              { id: 'pid', label: 'PID', truncate: 6, dataType: 'number', priority: 1, from: 'latest' },
            ],
          ]),
          metricTemplates: new Map([
            ['cpu', { id: 'cpu', label: 'CPU', format: 'percent', group: 'load', priority: 2.5 }],
          ]),
          tableTemplates: new Map([
            [
              'docker_label_',
              {
                id: 'docker_label_',
                label: 'Labels',
                prefix: 'docker_label_',
                type: 'property-list',
                columns: [{ id: 'a', label: 'A', dataType: 'ip' }],
                fixedRows: new Map([['x', 'y']]),
              },
            ],
          ]),
          controls: new Map([
            [
              'host_exec',
              new Map<string, unknown>([
                ['id', 'host_exec'],
                ['human', 'Exec shell'],
                ['rank', 1],
              ]),
            ],
          ]),
        },
      ],
    ]),
    dns: new Map([
      ['10.0.0.2', { forward: ['a.example', 'b.example'], reverse: ['c.example'] }],
      ['10.0.0.3', { reverse: ['d.example'] }],
    ]),
    sampling: { count: 7, total: 9 },
    windowNanos: 3_000_000_001,
    shortcut: true,
    plugins: [
      new Map<string, unknown>([
        ['id', 'traffic'],
        ['interfaces', ['reporter', 'controller']],
        ['ok', true],
      ]),
    ],
    flows: [
      {
        scope: 'vm-4026531833',
        client: { address: '127.0.0.1', host: 'vm', pid: 4711, start: 815, name: 'curl' },
        server: { address: '::1', host: 'vm2', pid: 12, start: 34, name: 'naïve ☃', port: 8080 },
        via: '[::1]:80',
        connections: 11,
        opened: 21,
        closed: 31,
        live: 41,
        failed: { refused: 51, 'timed out': 61 },
        bytesSent: 2 ** 53 - 1,
        bytesReceived: 71,
        retransmits: 81,
        rttMicros: 91.5,
        connectMicros: 101,
        evidence: {
          direction: 'handshake',
          clientProcess: 'connect',
          serverProcess: 'use',
          nat: 'conntrack',
        },
        sampled: true,
        ports: [
          [40_001, 5],
          [40_004, 6],
        ],
      },
    ],
  };
}
