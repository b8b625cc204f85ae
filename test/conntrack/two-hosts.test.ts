/**
 * Two hosts, each a PID namespace with its own /proc and its own probe: one has the client, the other the server, and one
 * of them (or a third) the router. The app joins what they report into one edge.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Report } from '../../src/report/model/model.js';
import { idle, node, startHost, type Host } from '../support/host.js';
import { edgeCounts, snapshotOf } from '../support/snapshot.js';
import type { Namespace } from '../support/namespace.js';
import { createNatNetwork, rootSkip, ROUTES, SERVER_PORT, type NatNetwork } from './nat-network.js';

/** Every edge between processes: command by command, with the number of connections. */
function commandEdges(reports: readonly Report[]): string[] {
  const snapshot = snapshotOf(reports);
  const commands = snapshot.nodes('Process');
  const labelOf = (id: string): string => {
    const [host = ''] = id.split(';');
    const command = commands.get(id)?.latest?.get('cmdline')?.value ?? id;
    return `${host} ${/(\w+-\w+)\.js/.exec(command)?.[1] ?? id}`;
  };
  return Array.from(edgeCounts(snapshot, 'processes'), ([edge, connections]) => {
    const [from = '', to = ''] = edge.split('>');
    return `${labelOf(from)} > ${labelOf(to)}: ${connections}`;
  });
}

const CASES: readonly [route: string, router: 'client' | 'server' | 'third'][] = [
  ['DNAT', 'server'],
  ['DNAT', 'client'],
  ['DNAT', 'third'],
  ['SNAT', 'client'],
  ['SNAT', 'server'],
  ['DNAT and SNAT', 'client'],
  ['DNAT and SNAT', 'server'],
  ['DNAT and SNAT of IPv6', 'client'],
];

async function startHosts(
  t: TestContext,
  network: NatNetwork,
  dialled: readonly [string, number],
  router: 'client' | 'server' | 'third',
): Promise<Host[]> {
  const { client, server } = network;
  const serve = node('echo-server', network.serverAddress, SERVER_PORT);
  const extra = (host: string): readonly (readonly [Namespace, string])[] =>
    host === router ? [idle(network.router)] : [];
  const hosts = [await startHost(t, 'server', [...extra('server'), [server, serve]])];
  hosts.push(
    await startHost(t, 'client', [...extra('client'), [client, node('held-connection', ...dialled)]]),
  );
  if (router === 'third') hosts.push(await startHost(t, 'router', [idle(network.router)]));
  return hosts;
}

for (const [name, router] of CASES) {
  const route = ROUTES.find((candidate) => candidate.name === name)!;
  test(`${name} on the ${router}'s host: one edge between the hosts`, { skip: rootSkip }, async (t) => {
    const network = createNatNetwork(t, route.family);
    const hosts = await startHosts(t, network, route.prepare(network), router);
    const reports: Report[] = [];
    for (const host of hosts) reports.push(await host.report());
    assert.deepEqual(
      commandEdges(reports).filter((edge) => /held-connection|echo-server/.test(edge)),
      ['client held-connection > server echo-server: 1'],
    );
  });
}
