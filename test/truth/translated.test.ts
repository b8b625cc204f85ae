/**
 * Hosts that translate for others, each with a probe, as the client's host and the server's have: whatever is translated on the
 * way, every connection is one of its client process and its server process.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { createHost, createLan, on, startProbe, type FleetHost } from '../support/fleet.js';
import { answeredCurl, startCurl } from '../support/programs/load.js';
import { startNginx, tally, type Nginx, type NginxConnection } from '../support/programs/nginx.js';
import { edgesOfHost, needsFleet, startFleet, type Fleet } from './fleet-of.js';
import { clientEnd, countsBy, ends, serverEnd, sorted, total } from './rows.js';

const SERVED_PORT = 8080;
const DIALLED_PORT = 80;
const BETWEEN_PORT = 81;
const SERVERS = 3;
const CLIENTS = ['0', '1'] as const;
/** So few that all client ports are stated, even if one server has all connections. */
const FEW = 30;
const MANY = 600;

/** A network with the app and its routers, and another one with the servers and the last router. */
interface Network {
  readonly fleet: Fleet;
  readonly client: FleetHost;
  readonly back: FleetHost;
  readonly servers: readonly Nginx[];
  readonly serverAddresses: readonly string[];
  /** On the way from the client to the servers. */
  readonly routers: readonly FleetHost[];
  /** The address of each router where connections come from. */
  readonly nearAddresses: readonly string[];
  /** The address of the last router on the servers' side. */
  readonly farAddress: string;
}

const iptables = (host: FleetHost, ...rule: readonly string[]): Promise<string> =>
  on(host, 'iptables-legacy', '-w', '-t', 'nat', '-A', ...rule);

/** @param clientIsBehind the client is in the servers' network */
async function createNetwork(t: TestContext, routerCount: number, clientIsBehind: boolean): Promise<Network> {
  const fleet = await startFleet(t);
  const [client, back] = [await createHost(t, 'client'), await createHost(t, 'back')];
  const lans = [fleet.lan, ...Array.from({ length: routerCount }, () => createLan(t))];
  const servers = lans[routerCount]!;
  const routers: FleetHost[] = [];
  const nearAddresses: string[] = [];
  const farAddresses: string[] = [];
  for (let i = 0; i < routerCount; i++) {
    const router = await createHost(t, `router-${i}`);
    nearAddresses.push(lans[i]!.plug(router));
    farAddresses.push(lans[i + 1]!.plug(router));
    await on(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    routers.push(router);
  }
  const farAddress = farAddresses.at(-1)!;
  // All hosts reach the app.
  for (const [i, router] of routers.entries()) {
    if (i > 0) await on(router, 'ip', 'route', 'add', 'default', 'via', farAddresses[i - 1]!);
    if (i + 1 < routerCount)
      await on(router, 'ip', 'route', 'add', servers.cidr, 'via', nearAddresses[i + 1]!);
  }
  for (const [i, lan] of lans.entries())
    if (i > 0) await on(fleet.appHost, 'ip', 'route', 'add', lan.cidr, 'via', nearAddresses[0]!);
  (clientIsBehind ? servers : fleet.lan).plug(client);
  await on(client, 'ip', 'route', 'add', 'default', 'via', clientIsBehind ? farAddress : nearAddresses[0]!);
  const serverAddresses = Array.from({ length: SERVERS }, () => servers.plug(back));
  await on(back, 'ip', 'route', 'add', 'default', 'via', farAddress);
  return {
    fleet,
    client,
    back,
    servers: await Promise.all(
      serverAddresses.map((address) => startNginx(t, back, { listen: [`${address}:${SERVED_PORT}`] })),
    ),
    serverAddresses,
    routers,
    nearAddresses,
    farAddress,
  };
}

/** What comes to `dialled` goes to a server that is drawn for each connection. */
async function spread({ routers, serverAddresses }: Network, dialled: string, port: number): Promise<void> {
  for (const [i, address] of serverAddresses.entries()) {
    const share = 1 / (serverAddresses.length - i);
    const draw = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
    const to = ['-j', 'DNAT', '--to', `${address}:${SERVED_PORT}`];
    const matched = ['-p', 'tcp', '-d', dialled, '--dport', String(port)];
    await iptables(routers.at(-1)!, 'PREROUTING', ...matched, ...(share < 1 ? draw : []), ...to);
  }
}

/** Servers see the router in place of the client. */
async function masquerade(router: FleetHost, port: number): Promise<void> {
  await iptables(router, 'POSTROUTING', '-p', 'tcp', '--dport', String(port), '-j', 'MASQUERADE');
}

interface Route {
  readonly name: string;
  readonly routers: number;
  readonly clientIsBehind?: boolean;
  /** Sets the rules up; returns what the client dials. */
  readonly prepare: (network: Network) => Promise<string>;
}

const ROUTES: readonly Route[] = [
  {
    name: 'DNAT to servers at random',
    routers: 1,
    async prepare(network) {
      const [dialled = ''] = network.nearAddresses;
      await spread(network, dialled, DIALLED_PORT);
      return `${dialled}:${DIALLED_PORT}`;
    },
  },
  {
    name: 'SNAT',
    routers: 1,
    async prepare({ routers: [router], serverAddresses }) {
      await masquerade(router!, SERVED_PORT);
      return `${serverAddresses[0]}:${SERVED_PORT}`;
    },
  },
  {
    name: 'DNAT at random and SNAT',
    routers: 1,
    async prepare(network) {
      const [dialled = ''] = network.nearAddresses;
      await spread(network, dialled, DIALLED_PORT);
      await masquerade(network.routers[0]!, SERVED_PORT);
      return `${dialled}:${DIALLED_PORT}`;
    },
  },
  {
    name: 'a hairpin to servers at random',
    routers: 1,
    clientIsBehind: true,
    async prepare(network) {
      await spread(network, network.farAddress, DIALLED_PORT);
      await masquerade(network.routers[0]!, SERVED_PORT);
      return `${network.farAddress}:${DIALLED_PORT}`;
    },
  },
  {
    name: 'two translators in a row',
    routers: 2,
    async prepare(network) {
      const [first = '', second = ''] = network.nearAddresses;
      const to = ['-j', 'DNAT', '--to', `${second}:${BETWEEN_PORT}`];
      const matched = ['-p', 'tcp', '-d', first, '--dport', String(DIALLED_PORT)];
      await iptables(network.routers[0]!, 'PREROUTING', ...matched, ...to);
      await masquerade(network.routers[0]!, BETWEEN_PORT);
      await spread(network, second, BETWEEN_PORT);
      await masquerade(network.routers[1]!, SERVED_PORT);
      return `${first}:${DIALLED_PORT}`;
    },
  },
];

for (const { name, routers, clientIsBehind = false, prepare } of ROUTES)
  test(
    `${name}: pairs of few connections, and each process of many, have their counts`,
    { skip: needsFleet('nginx') },
    async (t) => {
      const network = await createNetwork(t, routers, clientIsBehind);
      const { fleet, client, back, servers } = network;
      const dialled = await prepare(network);
      const hosts = [client, back, ...network.routers];
      for (const host of hosts) await startProbe(t, host, [fleet.app.url]);
      await fleet.app.afterReports(1, ...hosts);
      /** By the value of `client` that it asks with. */
      const hosted = new Map<string, string>();
      const connections: NginxConnection[] = [];
      const connect = async (requests: number): Promise<void> => {
        const clients = await Promise.all(
          CLIENTS.map(async (each) => {
            const own = `${each}-${requests}`;
            const curl = await startCurl(t, client, `http://${dialled}/?client=${own}`, { requests });
            hosted.set(own, `client;${curl.pid}`);
            return curl;
          }),
        );
        for (const each of clients) assert.equal(await answeredCurl(each), requests);
        connections.length = 0;
        for (const server of servers) connections.push(...(await server.connectionsInTheEnd()));
        await fleet.app.afterReports(2, ...hosts);
      };
      const truth = (keyOf: (from: string, to: string) => string): ReadonlyMap<string, number> =>
        tally(connections, (each) => keyOf(hosted.get(each.client) ?? each.client, `back;${each.workerPid}`));
      const rows = (): Promise<readonly FlowRow[]> => fleet.flows(SERVED_PORT, BETWEEN_PORT, DIALLED_PORT);

      await connect(FEW);
      const pairs = truth((from, to) => `${from} > ${to}`);
      assert.equal(total(pairs), CLIENTS.length * FEW);
      assert.deepEqual(sorted(countsBy(await rows(), ends)), sorted(pairs));
      const edges = edgesOfHost(await fleet.edges('processes'), 'client');
      for (const [pair, count] of pairs) assert.equal(edges.get(pair), count, pair);

      await connect(MANY);
      const many = await rows();
      assert.deepEqual(sorted(countsBy(many, clientEnd)), sorted(truth((from) => from)));
      assert.deepEqual(sorted(countsBy(many, serverEnd)), sorted(truth((_, to) => to)));
      const ofHosts = edgesOfHost(await fleet.edges('hosts'), 'back');
      assert.equal(ofHosts.get('client;<host> > back;<host>'), CLIENTS.length * (FEW + MANY));
      const strangers = Array.from(edgesOfHost(await fleet.edges('processes'), 'back').keys()).filter(
        (pair) => pair.endsWith('in-theinternet') || pair.startsWith('in-theinternet'),
      );
      assert.deepEqual(strangers, [], 'nobody comes from elsewhere');
    },
  );
