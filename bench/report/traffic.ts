/**
 * A report like that of a busy host: processes, and kept connections between them and many remote addresses. Repeatable.
 */
import { endpointNodeId, fromMillis, hostNodeId, processNodeId } from '../../src/report/index.js';
import type { DnsNames, Latest, Node, Report, Timestamp, Topology } from '../../src/report/model/model.js';

const HOST = 'web-17.prod.example';
const PROCESSES = 200;
const REMOTES = 2000;

/** @param takenAtMs one probe's reports differ by when they were taken @param firstPort and by the client ports seen */
export function busyReport(connections: number, takenAtMs = 1_795_244_936_123, firstPort = 0): Report {
  const timestamp = fromMillis(takenAtMs);
  const endpoints = new Map<string, Node>();
  const dns = new Map<string, DnsNames>();
  const hostId = hostNodeId(HOST);
  for (let i = 0; i < connections; i++) {
    const port = 32_768 + ((firstPort + i * 7) % 28_001);
    const remote = (i * 31) % REMOTES;
    const address = `10.${remote % 7}.${remote >> 8}.${remote & 255}`;
    const from = endpointNodeId('', `10.1.${i % 5}.7`, port);
    const to = endpointNodeId('', address, 443 + (remote % 3));
    const facts: [string, string][] = [
      ['pid', String(1000 + (i % PROCESSES))],
      ['host_node_id', hostId],
    ];
    if (i % 4 === 0) facts.push(['conn_count', String(3 ** (i % 5))]);
    endpoints.set(from, {
      id: from,
      topology: 'endpoint',
      latest: factsOf(facts, timestamp),
      adjacency: [to],
    });
    if (!endpoints.has(to)) endpoints.set(to, { id: to, topology: 'endpoint' });
    if (remote % 4 === 0 && !dns.has(address)) dns.set(address, { reverse: [`svc-${remote}.example`] });
  }
  return {
    id: String(takenAtMs),
    timestamp,
    topologies: new Map([
      ['Endpoint', { nodes: endpoints }],
      ['Process', processes(timestamp)],
    ]),
    dns,
    windowNanos: 3e9,
  };
}

function processes(timestamp: Timestamp): Topology {
  const nodes = new Map<string, Node>();
  for (let i = 0; i < PROCESSES; i++) {
    const id = processNodeId(HOST, 1000 + i);
    const name = ['nginx', 'postgres', 'node', 'java'][i % 4]!;
    const facts = factsOf(
      [
        ['pid', String(1000 + i)],
        ['name', name],
        ['ppid', '1'],
        ['cmdline', `/usr/bin/${name} --worker ${i} --config /etc/${name}/${name}.conf`],
        ['threads', String(1 + (i % 9))],
        ['host_node_id', hostNodeId(HOST)],
      ],
      timestamp,
    );
    const samples = [{ date: timestamp, value: (i * 37) % 100 }];
    nodes.set(id, {
      id,
      topology: 'process',
      latest: facts,
      metrics: new Map([
        ['process_cpu_usage_percent', { samples, min: 0, max: 800 }],
        [
          'process_memory_usage_bytes',
          { samples: [{ date: timestamp, value: i * 1_048_576 }], min: 0, max: 2 ** 64 },
        ],
      ]),
      parents: new Map([['host', [hostNodeId(HOST)]]]),
    });
  }
  return { shape: 'square', label: 'process', labelPlural: 'processes', nodes };
}

function factsOf(facts: readonly (readonly [string, string])[], timestamp: Timestamp): Map<string, Latest> {
  return new Map(facts.map(([key, value]) => [key, { timestamp, value }]));
}

/** Nodes of all topologies. */
export function nodeCount(report: Report): number {
  let count = 0;
  for (const { nodes } of report.topologies.values()) count += nodes.size;
  return count;
}
