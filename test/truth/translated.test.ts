/**
 * Hosts that translate for others, each with a probe, as the clients' hosts and the servers' have: whatever is translated on the
 * way, every connection is one of its client process and its server process.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { createHost, createLan, on, startProbe, type FleetHost } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx, tally, type Nginx, type NginxConnection } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet, type Fleet } from './fleet-of.js';
import { clientEnd, countsBy, ends, serverEnd, sorted } from './rows.js';

const SERVERS = 3;
const CLIENTS = ['0', '1'] as const;
/** So few that all client ports are stated, even if one server has all connections. */
const FEW = 30;
const MANY = 400;

/**
 * app, outer — first — (between) — second — back, inner
 *
 * Each route has ports of its own: both routers only forward what they have no rule for.
 */
interface Network {
  readonly fleet: Fleet;
  /** Dials from the app's network. */
  readonly outer: FleetHost;
  /** Dials from the servers' network. */
  readonly inner: FleetHost;
  /** Has the servers. */
  readonly back: FleetHost;
  readonly servers: readonly Nginx[];
  readonly serverAddresses: readonly string[];
  readonly first: FleetHost;
  readonly second: FleetHost;
  /** The first router's address for `outer`. */
  readonly firstAddress: string;
  /** The second router's address for the first one. */
  readonly secondAddress: string;
  /** The second router's address for `back`. */
  readonly backGateway: string;
}

interface Ports {
  readonly dialled: number;
  readonly between: number;
  readonly served: number;
}

const portsOf = (route: number): Ports => ({
  dialled: 80 + route,
  between: 180 + route,
  served: 8080 + route,
});

interface Route {
  readonly name: string;
  readonly client: 'outer' | 'inner';
  /** Sets the rules up; returns what the client dials. */
  readonly prepare: (network: Network, ports: Ports) => Promise<string>;
}

const ROUTES: readonly Route[] = [
  {
    name: 'DNAT to servers at random',
    client: 'outer',
    async prepare(network, { dialled, served }) {
      await spread(network, network.first, `${network.firstAddress}:${dialled}`, served);
      return `${network.firstAddress}:${dialled}`;
    },
  },
  {
    name: 'SNAT',
    client: 'outer',
    async prepare({ first, serverAddresses }, { served }) {
      await masquerade(first, served);
      return `${serverAddresses[0]}:${served}`;
    },
  },
  {
    name: 'DNAT at random and SNAT',
    client: 'outer',
    async prepare(network, { dialled, served }) {
      await spread(network, network.first, `${network.firstAddress}:${dialled}`, served);
      await masquerade(network.first, served);
      return `${network.firstAddress}:${dialled}`;
    },
  },
  {
    name: 'a hairpin to servers at random',
    client: 'inner',
    async prepare(network, { dialled, served }) {
      await spread(network, network.second, `${network.backGateway}:${dialled}`, served);
      await masquerade(network.second, served);
      return `${network.backGateway}:${dialled}`;
    },
  },
  {
    name: 'two translators in a row',
    client: 'outer',
    async prepare(network, { dialled, between, served }) {
      const { first, second, firstAddress, secondAddress } = network;
      await translate(first, `${firstAddress}:${dialled}`, [], `${secondAddress}:${between}`);
      await masquerade(first, between);
      await spread(network, second, `${secondAddress}:${between}`, served);
      await masquerade(second, served);
      return `${firstAddress}:${dialled}`;
    },
  },
];

async function createNetwork(t: TestContext): Promise<Network> {
  const fleet = await startFleet(t);
  const [between, servers] = [createLan(t), createLan(t)];
  const [outer, inner, back, first, second] = [
    await createHost(t, 'outer'),
    await createHost(t, 'inner'),
    await createHost(t, 'back'),
    await createHost(t, 'first'),
    await createHost(t, 'second'),
  ];
  const [firstAddress, firstFar] = [fleet.lan.plug(first), between.plug(first)];
  const [secondAddress, backGateway] = [between.plug(second), servers.plug(second)];
  for (const host of [fleet.appHost, outer]) {
    if (host === outer) fleet.lan.plug(outer);
    await on(host, 'ip', 'route', 'add', 'default', 'via', firstAddress);
  }
  await on(first, 'ip', 'route', 'add', servers.cidr, 'via', secondAddress);
  await on(second, 'ip', 'route', 'add', 'default', 'via', firstFar);
  servers.plug(inner);
  const serverAddresses = Array.from({ length: SERVERS }, () => servers.plug(back));
  for (const host of [inner, back]) await on(host, 'ip', 'route', 'add', 'default', 'via', backGateway);
  for (const router of [first, second]) await on(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  const listen = (address: string): string[] =>
    ROUTES.map((_, route) => `${address}:${portsOf(route).served}`);
  return {
    ...{
      fleet,
      outer,
      inner,
      back,
      first,
      second,
      firstAddress,
      secondAddress,
      backGateway,
      serverAddresses,
    },
    servers: await Promise.all(
      serverAddresses.map((address) => startNginx(t, back, { listen: listen(address) })),
    ),
  };
}

const iptables = (host: FleetHost, ...rule: readonly string[]): Promise<string> =>
  on(host, 'iptables-legacy', '-w', '-t', 'nat', '-A', ...rule);

/** What comes to `dialled` and meets the condition goes on to `to`; both `address:port`. */
async function translate(
  router: FleetHost,
  dialled: string,
  condition: readonly string[],
  to: string,
): Promise<void> {
  const [address = '', port = ''] = dialled.split(':');
  const matched = ['-p', 'tcp', '-d', address, '--dport', port, ...condition];
  await iptables(router, 'PREROUTING', ...matched, '-j', 'DNAT', '--to', to);
}

/** What comes to `dialled` goes to a server that is drawn for each connection. */
async function spread(
  { serverAddresses }: Network,
  router: FleetHost,
  dialled: string,
  port: number,
): Promise<void> {
  for (const [i, address] of serverAddresses.entries()) {
    const share = 1 / (serverAddresses.length - i);
    const draw = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
    await translate(router, dialled, share < 1 ? draw : [], `${address}:${port}`);
  }
}

/** Who is dialled at the port sees the router in place of the client. */
async function masquerade(router: FleetHost, port: number): Promise<void> {
  await iptables(router, 'POSTROUTING', '-p', 'tcp', '--dport', String(port), '-j', 'MASQUERADE');
}

test(
  'whatever is translated on the way, pairs of few connections and each process of many have their counts',
  { skip: needsFleet('nginx') },
  async (t) => {
    const network = await createNetwork(t);
    const { fleet, servers } = network;
    const dialled: string[] = [];
    for (const [route, { prepare }] of ROUTES.entries()) dialled.push(await prepare(network, portsOf(route)));
    const hosts = [network.outer, network.inner, network.back, network.first, network.second];
    for (const host of hosts) await startProbe(t, host, [fleet.app.url]);
    await fleet.app.afterReports(1, ...hosts);
    /** By the value of `client` that it asks with: `route-client-requests`. */
    const hosted = new Map<string, string>();
    const connect = async (route: number, requests: number): Promise<void> => {
      const client = network[ROUTES[route]!.client];
      const clients = await Promise.all(
        CLIENTS.map(async (each) => {
          const own = `${route}-${each}-${requests}`;
          const curl = await startCurl(t, client, `http://${dialled[route]}/?client=${own}`, { requests });
          hosted.set(own, `${client.name};${curl.pid}`);
          return curl;
        }),
      );
      for (const each of clients) assert.equal(await answeredCurl(each), requests);
    };
    const served = async (): Promise<readonly NginxConnection[]> =>
      (await Promise.all(servers.map((server) => server.connectionsInTheEnd()))).flat();
    const truth = (
      connections: readonly NginxConnection[],
      route: number,
      keyOf: (from: string, to: string) => string,
    ): readonly [string, number][] =>
      sorted(
        tally(
          connections.filter(({ client }) => client.startsWith(`${route}-`)),
          ({ client, workerPid }) => keyOf(hosted.get(client) ?? client, `back;${workerPid}`),
        ),
      );
    const rowsOf = (route: number): Promise<readonly FlowRow[]> => {
      const { dialled: first, between, served: last } = portsOf(route);
      return fleet.flows(first, between, last);
    };

    for (const route of ROUTES.keys()) await connect(route, FEW);
    const few = await served();
    await fleet.app.afterReports(2, ...hosts);
    const edges = edgesOfHost(await fleet.edges('processes'), 'back');
    for (const [route, { name }] of ROUTES.entries())
      await t.test(`${name}: pairs`, async () => {
        const pairs = truth(few, route, (from, to) => `${from} > ${to}`);
        assert.deepEqual(sorted(countsBy(await rowsOf(route), ends)), pairs);
        for (const [pair, count] of pairs) assert.equal(edges.get(pair), count, pair);
      });
    await t.test('nobody comes from elsewhere', () => {
      const known = new Set(hosts.map(({ name }) => name));
      const strangers = Array.from(edges.keys()).filter((pair) => !known.has(pair.split(';')[0] ?? ''));
      assert.deepEqual(strangers, []);
    });

    for (const route of ROUTES.keys()) await connect(route, MANY);
    const all = await served();
    await fleet.app.afterReports(2, ...hosts);
    for (const [route, { name }] of ROUTES.entries())
      await t.test(`${name}: each process`, async () => {
        const rows = await rowsOf(route);
        assert.deepEqual(
          sorted(countsBy(rows, clientEnd)),
          truth(all, route, (from) => from),
        );
        assert.deepEqual(
          sorted(countsBy(rows, serverEnd)),
          truth(all, route, (_, to) => to),
        );
      });
    await t.test('hosts have the sums of their processes', async () => {
      const ofHosts = edgesOfHost(await fleet.edges('hosts'), 'back');
      const routesOf = (client: string): number => ROUTES.filter((route) => route.client === client).length;
      for (const client of ['outer', 'inner'])
        assert.equal(
          ofHosts.get(`${client};<host> > back;<host>`),
          routesOf(client) * CLIENTS.length * (FEW + MANY),
        );
    });
  },
);
