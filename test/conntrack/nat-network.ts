/**
 * A client's and a server's network with a router between them that translates addresses, each a namespace of its own
 * and with a process in it. Addresses are drawn for each test: others may run beside it on this machine.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { startNodeProgram, startProgram, type Program } from '../support/program.js';

export interface NatNetwork {
  readonly client: Namespace;
  readonly router: Namespace;
  readonly server: Namespace;
  readonly clientAddress: string;
  readonly serverAddress: string;
  /** The router's address on the client's side, and on the server's. */
  readonly nearAddress: string;
  readonly farAddress: string;
}

export const rootSkip = process.getuid?.() === 0 ? false : 'needs root: makes network namespaces';
export const SERVER_PORT = 8080;
export const PUBLISHED_PORT = 80;

export type Family = 'IPv4' | 'IPv6';

function execute(netns: Namespace, ...command: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', netns.name, ...command], { stdio: 'pipe' });
}

export function createNatNetwork(t: TestContext, family: Family = 'IPv4'): NatNetwork {
  const isIpv4 = family === 'IPv4';
  const pick = (): string => randomInt(1, 255).toString(isIpv4 ? 10 : 16);
  const net = isIpv4 ? `10.${pick()}.${pick()}` : `fd00:${pick()}:${pick()}`;
  // The server's network differs in the first part: the two prefixes must not be one.
  const far = isIpv4 ? `172.${randomInt(16, 32)}.${pick()}` : `fd01:${pick()}:${pick()}`;
  const at = (prefix: string, host: number): string => `${prefix}${isIpv4 ? '.' : '::'}${host}`;
  const length = isIpv4 ? '/24' : '/64';
  const [client, router, server] = [createNamespace(t), createNamespace(t), createNamespace(t)];
  joinNamespaces(client, at(net, 2) + length, router, at(net, 1) + length);
  joinNamespaces(server, at(far, 2) + length, router, at(far, 1) + length);
  for (const [netns, gateway] of [
    [client, at(net, 1)],
    [server, at(far, 1)],
  ] as const)
    execute(netns, 'ip', 'route', 'add', 'default', 'via', gateway);
  execute(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  return {
    client,
    router,
    server,
    clientAddress: at(net, 2),
    serverAddress: at(far, 2),
    nearAddress: at(net, 1),
    farAddress: at(far, 1),
  };
}

/** Adds a rule to a namespace's nat table. */
export function translate(netns: Namespace, family: Family, ...rule: readonly string[]): void {
  execute(
    netns,
    family === 'IPv4' ? 'iptables-legacy' : 'ip6tables-legacy',
    '-w',
    '-t',
    'nat',
    '-A',
    ...rule,
  );
}

/** Switches connection tracking on in a namespace, by a rule that needs it and that nothing here meets. */
export function trackConnections(netns: Namespace): void {
  const rule = ['-p', 'tcp', '-d', '192.0.2.77', '-j', 'DNAT', '--to', '192.0.2.78'];
  translate(netns, 'IPv4', 'PREROUTING', ...rule);
}

/** A process that does nothing: namespaces are found by their processes. */
export function occupy(t: TestContext, netns: Namespace): Promise<Program> {
  return startProgram(t, ['ip', 'netns', 'exec', netns.name, 'sh', '-c', 'echo here; exec cat']);
}

const hostPort = (family: Family, address: string, port: number): string =>
  family === 'IPv4' ? `${address}:${port}` : `[${address}]:${port}`;

/** One way of translating between the client and the server. */
export interface Route {
  readonly name: string;
  readonly family: Family;
  /** Sets the rules up; returns what the client dials. */
  readonly prepare: (network: NatNetwork) => readonly [address: string, port: number];
  /** The client runs in the server's namespace. */
  readonly isHairpin?: boolean;
}

function publish(
  { router, serverAddress }: NatNetwork,
  family: Family,
  address: string,
): readonly [string, number] {
  const to = hostPort(family, serverAddress, SERVER_PORT);
  const rule = ['-p', 'tcp', '-d', address, '--dport', String(PUBLISHED_PORT), '-j', 'DNAT', '--to', to];
  translate(router, family, 'PREROUTING', ...rule);
  return [address, PUBLISHED_PORT];
}

function masquerade({ router, serverAddress, farAddress }: NatNetwork, family: Family): void {
  const to = family === 'IPv4' ? `${farAddress}:30000-40000` : `[${farAddress}]:30000-40000`;
  translate(router, family, 'POSTROUTING', '-p', 'tcp', '-d', serverAddress, '-j', 'SNAT', '--to', to);
}

export const ROUTES: readonly Route[] = [
  {
    name: 'DNAT',
    family: 'IPv4',
    prepare: (network) => publish(network, 'IPv4', network.nearAddress),
  },
  {
    name: 'SNAT',
    family: 'IPv4',
    prepare: (network) => {
      masquerade(network, 'IPv4');
      return [network.serverAddress, SERVER_PORT];
    },
  },
  {
    name: 'DNAT and SNAT',
    family: 'IPv4',
    prepare: (network) => {
      masquerade(network, 'IPv4');
      return publish(network, 'IPv4', network.nearAddress);
    },
  },
  {
    name: 'hairpin',
    family: 'IPv4',
    isHairpin: true,
    prepare: (network) => {
      masquerade(network, 'IPv4');
      return publish(network, 'IPv4', network.farAddress);
    },
  },
  {
    name: 'DNAT and SNAT of IPv6',
    family: 'IPv6',
    prepare: (network) => {
      masquerade(network, 'IPv6');
      return publish(network, 'IPv6', network.nearAddress);
    },
  },
  {
    name: 'DNAT at the client, SNAT at the router',
    family: 'IPv4',
    prepare: (network) => {
      const dialled = '198.51.100.7';
      const to = hostPort('IPv4', network.serverAddress, SERVER_PORT);
      translate(network.client, 'IPv4', 'OUTPUT', '-p', 'tcp', '-d', dialled, '-j', 'DNAT', '--to', to);
      masquerade(network, 'IPv4');
      return [dialled, PUBLISHED_PORT];
    },
  },
];

export interface Translated extends NatNetwork {
  readonly dialled: string;
  readonly dialledPort: number;
  /** Where the client really is, and its port. */
  readonly clientEnd: string;
  readonly clientPort: string;
  readonly clientPid: number;
  readonly serverPid: number;
}

/** Builds the network and holds one connection over the route. */
export async function connectOver(t: TestContext, route: Route): Promise<Translated> {
  const network = createNatNetwork(t, route.family);
  const [dialled, dialledPort] = route.prepare(network);
  await occupy(t, network.router);
  const server = await startNodeProgram(
    t,
    'echo-server',
    [network.serverAddress, SERVER_PORT],
    network.server.name,
  );
  const netns = route.isHairpin === true ? network.server : network.client;
  const client = await startNodeProgram(t, 'held-connection', [dialled, dialledPort], netns.name);
  return {
    ...network,
    dialled,
    dialledPort,
    clientEnd: route.isHairpin === true ? network.serverAddress : network.clientAddress,
    clientPort: client.firstLine,
    clientPid: client.pid,
    serverPid: server.pid,
  };
}
