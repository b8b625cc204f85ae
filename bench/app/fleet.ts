/**
 * A simulated fleet with its ground truth: machines that run pods of services which call each other directly, through
 * published ports (DNAT at the server), through cluster addresses (DNAT at the client, also to its own machine),
 * masqueraded (SNAT), and both at once.
 *
 * Every machine's report holds what a probe there could see, and nothing else; the truth is what the connections
 * were made from. Random, but the same for the same seed.
 */
import { hostNodeId, nodeId, processNodeId } from '../../src/report/index.js';
import type {
  Latest,
  Metric,
  Node,
  Report,
  Timestamp,
  Topology,
  TopologyKey,
} from '../../src/report/model/model.js';

export interface FleetOptions {
  readonly hosts: number;
  readonly services: number;
  /** Pods of each service, spread over the machines. */
  readonly podsPerService: number;
  /** Endpoints that one machine's report has, about. */
  readonly endpointsPerHost: number;
  readonly seed: number;
}

type Route =
  | 'direct'
  | 'published-port'
  | 'cluster-address'
  | 'hairpin'
  | 'masqueraded'
  | 'translated-twice'
  | 'from-internet'
  | 'to-internet';

interface Pod {
  readonly service: number;
  readonly host: number;
  readonly address: string;
  readonly pid: number;
  readonly container: string;
  readonly uid: string;
}

interface Connection {
  readonly client: Pod | undefined;
  readonly server: Pod | undefined;
  /** Address and port the client connects from. */
  readonly source: string;
  /** The same after the client's machine has masqueraded it. */
  readonly natSource: string;
  /** Where a connection to the Internet goes. */
  readonly outside: string;
  readonly route: Route;
  /** How many connections this one stands for. */
  readonly count: number;
}

/** The client's machine rewrites where the connection goes … */
const TO_CLUSTER_ADDRESS: ReadonlySet<Route> = new Set(['cluster-address', 'hairpin', 'translated-twice']);
/** … or where it comes from. */
const REWRITES_SOURCE: ReadonlySet<Route> = new Set(['masqueraded', 'translated-twice']);

/** `from>to` → number of connections. */
export type EdgeCounts = ReadonlyMap<string, number>;

export interface Truth {
  readonly processes: EdgeCounts;
  readonly hosts: EdgeCounts;
  readonly services: EdgeCounts;
}

const SERVER_PORT = 8080;
const ROUTES: readonly Route[] = [
  'direct',
  'direct',
  'published-port',
  'cluster-address',
  'hairpin',
  'masqueraded',
  'translated-twice',
  'from-internet',
  'to-internet',
];

export class Fleet {
  readonly #options: FleetOptions;
  readonly #random: () => number;
  readonly #pods: Pod[] = [];
  #connections: Connection[] = [];
  /** Ports handed out so far, by address. */
  readonly #ports = new Map<string, number>();
  /** Pods on a machine, and on all others. */
  readonly #servers = new Map<string, readonly Pod[]>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    let pid = 1_000;
    for (let service = 0; service < options.services; service++) {
      for (let copy = 0; copy < options.podsPerService; copy++) {
        const host = (service * 7 + copy) % options.hosts;
        const index = this.#pods.length;
        this.#pods.push({
          service,
          host,
          address: `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
          pid: pid++,
          container: index.toString(16).padStart(64, '0'),
          uid: `pod-${index}`,
        });
      }
    }
    const wanted = Math.floor((options.hosts * options.endpointsPerHost) / 4);
    for (let index = 0; index < wanted; index++) this.#connections.push(this.#connect());
  }

  get hostCount(): number {
    return this.#options.hosts;
  }

  /** Replaces this part of the connections by new ones, as time does. */
  churn(share: number): void {
    this.#connections = this.#connections.map((connection) =>
      this.#random() < share ? this.#connect() : connection,
    );
  }

  truth(): Truth {
    const processes = new Map<string, number>();
    const hosts = new Map<string, number>();
    const services = new Map<string, number>();
    for (const { client, server, count } of this.#connections) {
      const ends = (of: (pod: Pod) => string): string =>
        `${client === undefined ? 'in-theinternet' : of(client)}>${server === undefined ? 'out-theinternet' : of(server)}`;
      add(
        processes,
        ends((pod) => processNodeId(hostName(pod.host), pod.pid)),
        count,
      );
      add(
        hosts,
        ends((pod) => hostNodeId(hostName(pod.host))),
        count,
      );
      add(
        services,
        ends((pod) => serviceId(pod.service)),
        count,
      );
    }
    return { processes, hosts, services };
  }

  /** What the probe on machine `host` reports. @param at time of everything in it */
  report(host: number, at: Timestamp): Report {
    const endpoints = new Map<string, Node>();
    const processes = new Map<string, Node>();
    const containers = new Map<string, Node>();
    const pods = new Map<string, Node>();
    const services = new Map<string, Node>();
    for (const pod of this.#pods) {
      if (pod.host !== host) continue;
      addNode(processes, processNodeId(hostName(host), pod.pid), 'process', {
        latest: latest(at, {
          pid: String(pod.pid),
          name: `service-${pod.service}`,
          host_node_id: hostId(host),
          docker_container_id: pod.container,
          cmdline: `/bin/service-${pod.service} --listen :${SERVER_PORT}`,
          threads: '8',
        }),
        metrics: new Map([
          metric('process_cpu_usage_percent', this.#random() * 100, at),
          metric('process_memory_usage_bytes', 1e8 * this.#random(), at),
        ]),
      });
      addNode(containers, nodeId(pod.container, 'container'), 'container', {
        latest: latest(at, {
          docker_container_id: pod.container,
          docker_container_name: `c-${pod.uid}`,
          docker_container_state: 'running',
          host_node_id: hostId(host),
        }),
        parents: new Map([
          ['pod', [nodeId(pod.uid, 'pod')]],
          ['host', [hostId(host)]],
        ]),
        sets: new Map([['docker_container_ips_with_scopes', [`;${pod.address}`]]]),
      });
      addNode(pods, nodeId(pod.uid, 'pod'), 'pod', {
        latest: latest(at, {
          kubernetes_name: pod.uid,
          kubernetes_namespace: 'shop',
          kubernetes_ip: pod.address,
          kubernetes_state: 'Running',
        }),
        parents: new Map([
          ['service', [serviceId(pod.service)]],
          ['host', [hostId(host)]],
        ]),
      });
      addNode(services, serviceId(pod.service), 'service', {
        latest: latest(at, {
          kubernetes_name: `service-${pod.service}`,
          kubernetes_namespace: 'shop',
          kubernetes_ip: clusterAddress(pod.service),
        }),
      });
    }
    for (const connection of this.#connections) see(endpoints, connection, host, at);
    const hosts = new Map<string, Node>();
    addNode(hosts, hostId(host), 'host', {
      latest: latest(at, { host_name: hostName(host), host_node_id: hostId(host), os: 'linux' }),
      sets: new Map([['local_networks', ['10.0.0.0/8', '127.0.0.0/8', '172.16.0.0/12']]]),
    });
    const topologies = new Map<TopologyKey, Topology>([
      ['Endpoint', { nodes: endpoints }],
      [
        'Process',
        {
          nodes: processes,
          shape: 'square',
          label: 'process',
          labelPlural: 'processes',
          metadataTemplates: templates(['pid', 'cmdline', 'threads']),
        },
      ],
      ['Container', { nodes: containers }],
      ['Pod', { nodes: pods }],
      ['Service', { nodes: services }],
      ['Host', { nodes: hosts }],
    ]);
    return {
      id: String(Math.floor(this.#random() * 1e15)),
      timestamp: at,
      topologies,
      dns: new Map(),
      windowNanos: 3e9,
    };
  }

  #connect(): Connection {
    const route = this.#pick(ROUTES);
    const count = this.#random() < 0.1 ? 2 + Math.floor(this.#random() * 50) : 1;
    const client = route === 'from-internet' ? undefined : this.#pick(this.#pods);
    const server = route === 'to-internet' ? undefined : this.#pick(this.#serversFor(route, client));
    const visitor = `203.0.113.${Math.floor(this.#random() * 250)}`;
    return {
      client,
      server,
      source: this.#freshEndpoint(client?.address ?? visitor),
      natSource:
        client === undefined || !REWRITES_SOURCE.has(route)
          ? ''
          : this.#freshEndpoint(hostAddress(client.host)),
      outside: `;198.51.100.${Math.floor(this.#random() * 200)};443`,
      route,
      count,
    };
  }

  /** A hairpin stays on its machine, other translated connections leave it. */
  #serversFor(route: Route, client: Pod | undefined): readonly Pod[] {
    if (client === undefined || route === 'direct') return this.#pods;
    const key = `${route === 'hairpin' ? 'on' : 'off'} ${client.host}`;
    let servers = this.#servers.get(key);
    if (servers === undefined) {
      servers = this.#pods.filter(({ host }) => (host === client.host) === (route === 'hairpin'));
      this.#servers.set(key, servers);
    }
    return servers;
  }

  #freshEndpoint(address: string): string {
    const port = (this.#ports.get(address) ?? 19_999) + 1;
    this.#ports.set(address, port >= 60_000 ? 19_999 : port);
    return `;${address};${port}`;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}

/** Adds the endpoints by which the probe on `host` sees a connection. */
function see(
  endpoints: Map<string, Node>,
  { client, server, source, natSource, outside, route, count }: Connection,
  host: number,
  at: Timestamp,
): void {
  const real = server === undefined ? outside : `;${server.address};${SERVER_PORT}`;
  const owner = (pod: Pod | undefined): Record<string, string> =>
    pod?.host === host ? { host_node_id: hostId(host), pid: String(pod.pid) } : {};
  const counted: Record<string, string> = count > 1 ? { conn_count: String(count) } : {};
  if (client?.host === host) {
    const dialled = server === undefined ? real : dialledBy(route, server);
    // With NAT at the client its conntrack table knows both destinations.
    const rewritten = TO_CLUSTER_ADDRESS.has(route);
    const adjacency = rewritten ? [dialled, real].sort() : [dialled];
    addNode(endpoints, source, 'endpoint', {
      adjacency,
      latest: latest(at, { ...owner(client), ...counted }),
    });
    addNode(endpoints, dialled, 'endpoint', {
      latest: latest(at, rewritten ? { ...owner(server), copy_of: real } : owner(server)),
    });
    if (rewritten) addNode(endpoints, real, 'endpoint', { latest: latest(at, {}) });
    if (natSource !== '') {
      addNode(endpoints, natSource, 'endpoint', {
        adjacency,
        latest: latest(at, { ...owner(client), ...counted, copy_of: source }),
      });
    }
  }
  if (server?.host === host) {
    const seenSource = natSource === '' ? source : natSource;
    addNode(endpoints, seenSource, 'endpoint', {
      adjacency: [real],
      latest: latest(at, { ...owner(client), ...counted }),
    });
    addNode(endpoints, real, 'endpoint', { latest: latest(at, owner(server)) });
    if (route === 'published-port') {
      addNode(endpoints, dialledBy(route, server), 'endpoint', {
        latest: latest(at, { ...owner(server), copy_of: real }),
      });
    }
  }
}

function dialledBy(route: Route, server: Pod): string {
  if (route === 'published-port') return `;${hostAddress(server.host)};${30_000 + (server.pid % 10_000)}`;
  if (TO_CLUSTER_ADDRESS.has(route)) return `;${clusterAddress(server.service)};80`;
  return `;${server.address};${SERVER_PORT}`;
}

function hostAddress(host: number): string {
  return `172.16.${host >> 8}.${host & 255}`;
}

function clusterAddress(service: number): string {
  return `10.200.${service >> 8}.${service & 255}`;
}

export function hostName(host: number): string {
  return `node-${host}.example`;
}

function hostId(host: number): string {
  return hostNodeId(hostName(host));
}

function serviceId(service: number): string {
  return nodeId(`service-uid-${service}`, 'service');
}

function addNode(
  nodes: Map<string, Node>,
  id: string,
  topology: string,
  facts: Omit<Node, 'id' | 'topology'>,
): void {
  const known = nodes.get(id);
  if (known === undefined) {
    nodes.set(id, { id, topology, ...facts });
    return;
  }
  nodes.set(id, {
    ...known,
    latest: new Map([...(known.latest ?? []), ...(facts.latest ?? [])]),
    adjacency: Array.from(new Set([...(known.adjacency ?? []), ...(facts.adjacency ?? [])])).sort(),
  });
}

function latest(at: Timestamp, facts: Readonly<Record<string, string>>): Map<string, Latest> {
  return new Map(Object.entries(facts).map(([key, value]) => [key, { timestamp: at, value }]));
}

function metric(id: string, value: number, at: Timestamp): [string, Metric] {
  return [id, { samples: [{ date: at, value }], min: value, max: value }];
}

function templates(
  ids: readonly string[],
): Map<string, { id: string; label: string; from: string; priority: number }> {
  return new Map(ids.map((id, index) => [id, { id, label: id, from: 'latest', priority: index + 1 }]));
}

function add(counts: Map<string, number>, edge: string, count: number): void {
  counts.set(edge, (counts.get(edge) ?? 0) + count);
}

/** A small random generator with a seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
