/** Small reports for tests: a client on one machine, a server on another, and what each one's probe sees of them. */
import { fromMillis } from '../../src/report/index.js';
import type { Latest, Node, Report, Timestamp, Topology, TopologyKey } from '../../src/report/model/model.js';

export const SAMPLE_TIME = fromMillis(1_700_000_000_000);

export function facts(
  values: Readonly<Record<string, string>>,
  at: Timestamp = SAMPLE_TIME,
): Map<string, Latest> {
  return new Map(Object.entries(values).map(([key, value]) => [key, { timestamp: at, value }]));
}

export function makeNode(id: string, topology: string, rest: Omit<Node, 'id' | 'topology'> = {}): Node {
  return { id, topology, ...rest };
}

export function makeReport(
  nodes: Partial<Record<TopologyKey, readonly Node[]>>,
  rest: Partial<Report> = {},
): Report {
  const topologies = new Map<TopologyKey, Topology>();
  for (const [key, list] of Object.entries(nodes) as [TopologyKey, readonly Node[]][]) {
    topologies.set(key, { nodes: new Map(list.map((node) => [node.id, node])) });
  }
  return { id: '1', timestamp: SAMPLE_TIME, topologies, dns: new Map(), ...rest };
}

/** A network, and interfaces of the fleet in it: who is at those is no stranger, even if nobody tells which process. */
const NETWORKS = ['10.0.0.0/8', '10.0.0.1/32', '10.0.0.2/32'];

export function hostNode(name: string, networks: readonly string[] = NETWORKS): Node {
  return makeNode(`${name};<host>`, 'host', {
    latest: facts({ host_name: name, host_node_id: `${name};<host>` }),
    sets: new Map([['local_networks', networks]]),
  });
}

export function processNode(
  host: string,
  pid: number,
  name: string,
  extra: Readonly<Record<string, string>> = {},
): Node {
  return makeNode(`${host};${pid}`, 'process', {
    latest: facts({ pid: String(pid), name, host_node_id: `${host};<host>`, ...extra }),
  });
}

/** An endpoint; `owner` when this probe saw its process. */
export function endpointNode(
  id: string,
  {
    owner,
    to = [],
    extra = {},
  }: {
    owner?: readonly [host: string, pid: number];
    to?: readonly string[];
    extra?: Readonly<Record<string, string>>;
  } = {},
): Node {
  const owned: Record<string, string> =
    owner === undefined ? {} : { host_node_id: `${owner[0]};<host>`, pid: String(owner[1]) };
  return makeNode(id, 'endpoint', {
    latest: facts({ ...owned, ...extra }),
    ...(to.length > 0 ? { adjacency: to } : {}),
  });
}

const CLIENT = ';10.0.0.1;40000';
const SERVER = ';10.0.0.2;80';

/** What the probe beside the client sees. */
export function clientSide(extra: Readonly<Record<string, string>> = {}): Report {
  return makeReport({
    Endpoint: [endpointNode(CLIENT, { owner: ['alpha', 11], to: [SERVER], extra }), endpointNode(SERVER)],
    Process: [processNode('alpha', 11, 'curl')],
    Host: [hostNode('alpha')],
  });
}

/** What the probe beside the server sees. */
export function serverSide(
  extra: Readonly<Record<string, string>> = {},
  networks?: readonly string[],
): Report {
  return makeReport({
    Endpoint: [endpointNode(CLIENT, { to: [SERVER], extra }), endpointNode(SERVER, { owner: ['beta', 22] })],
    Process: [processNode('beta', 22, 'nginx')],
    Host: [hostNode('beta', networks)],
  });
}
