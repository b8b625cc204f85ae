/** Rows for tests, from what matters to them; and what endpoint nodes state, added up again. */
import type { EndpointSource, ScopeEndpoints } from '../../src/flows/scope-endpoints.js';
import { FACT, latestOf, numberOf } from '../../src/report/keys.js';
import { parseEndpointNodeId } from '../../src/report/model/node-ids.js';
import type { FlowRowPort } from '../../src/report/model/flow-row.js';

export interface RowText extends Partial<Omit<EndpointSource, 'client' | 'server' | 'ports'>> {
  /** `address` or `address pid`. A client with a PID is on host `vm`. */
  readonly client: string;
  /** `address:port` or `address:port pid`. */
  readonly server: string;
  /** Each stands for one connection. */
  readonly ports?: readonly number[];
  readonly standsFor?: readonly FlowRowPort[];
}

/** Connections: default as many as the ports stand for. */
export function rowOf({ client, server, ports = [], standsFor, ...more }: RowText): EndpointSource {
  const [clientAddress = '', clientPid] = client.split(' ');
  const [dialled = '', serverPid] = server.split(' ');
  const colon = dialled.lastIndexOf(':');
  const pairs = standsFor ?? ports.map((port): FlowRowPort => [port, 1]);
  const connections = pairs.reduce((sum, [, count]) => sum + count, 0);
  return {
    scope: '',
    client: { address: clientAddress, ...onHost(clientPid) },
    server: {
      address: dialled.slice(0, colon),
      port: Number(dialled.slice(colon + 1)),
      ...onHost(serverPid),
    },
    connections,
    opened: connections,
    closed: 0,
    live: connections,
    failed: {},
    bytesSent: 0,
    bytesReceived: 0,
    retransmits: 0,
    evidence: {},
    ports: pairs,
    ...more,
  };
}

function onHost(pid: string | undefined): { host: string; pid: number; start: number } | undefined {
  return pid === undefined ? undefined : { host: 'vm', pid: Number(pid), start: 1 };
}

/** Connections by `client process → server process`; by address where no process is known. */
export function countsOf({ topology: { nodes } }: ScopeEndpoints): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes.values()) {
    if (latestOf(node, FACT.copyOf) !== undefined) continue;
    for (const to of node.adjacency ?? []) {
      const server = latestOf(node, FACT.toPid) ?? latestOf(nodes.get(to), FACT.pid) ?? to;
      const client = latestOf(node, FACT.pid) ?? parseEndpointNodeId(node.id)!.address;
      const key = `${client} → ${server}`;
      counts.set(key, (counts.get(key) ?? 0) + (numberOf(node, FACT.connCount) ?? 1));
    }
  }
  for (const [key, count] of counts) if (count === 0) counts.delete(key);
  return counts;
}

/** Every `n`th number from `from`. */
export function every(n: number, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i * n);
}
