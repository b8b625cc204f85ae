/**
 * The same addresses on two hosts, or in two networks of one host: every client leads to its own server. Real probes and
 * connections; hosts are PID namespaces.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { ebpfSkip } from '../ebpf/requirements.js';
import { runApp, type RunningApp } from '../app/running-app.js';
import { endpointNode, hostNode, makeReport, processNode } from '../app/sample-reports.js';
import { edgesTo } from '../support/edges.js';
import { node, startHost } from '../support/host.js';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import type { Report } from '../../src/report/model/model.js';

const rootSkip = process.getuid?.() === 0 ? false : 'needs root: makes network namespaces';
const PORT = 6379;
const CLIENT_PORT = 40_000;

async function edgesOf(app: RunningApp, view = 'processes'): Promise<string[]> {
  const { edges } = (await app.get(`/api/v1/edges?view=${view}`)).body as {
    edges: { from: string; to: string; connections: number }[];
  };
  return edges.map(({ from, to, connections }) => `${from} > ${to}: ${connections}`).sort();
}

/** A network of two namespaces, a client's and a server's. */
function network(t: TestContext, clientAddress: string, serverAddress: string): [Namespace, Namespace] {
  const pair: [Namespace, Namespace] = [createNamespace(t), createNamespace(t)];
  const length = clientAddress.includes(':') ? 64 : 16;
  joinNamespaces(pair[0], `${clientAddress}/${length}`, pair[1], `${serverAddress}/${length}`);
  return pair;
}

/** A host with such a network, and one connection in it. */
function startNetworkedHost(t: TestContext, name: string, localPort: number): ReturnType<typeof startHost> {
  const [client, server] = network(t, '172.17.0.2', '172.17.0.3');
  return startHost(t, name, [
    [server, node('echo-server', '172.17.0.3', PORT)],
    [client, node('held-connection', '172.17.0.3', PORT, localPort)],
  ]);
}

/** Process names by host, as edges. */
function named(reports: readonly Report[], edges: readonly string[]): string[] {
  const names = new Map<string, string>();
  for (const { topologies } of reports)
    for (const [id, { latest }] of topologies.get('Process')?.nodes ?? [])
      names.set(id, `${id.split(';')[0] ?? ''} ${latest?.get('name')?.value ?? ''}`);
  return edges.map((edge) => edge.replaceAll(/\S+;\d+/g, (id) => names.get(id) ?? id));
}

for (const [what, otherPort] of [
  ['other', CLIENT_PORT + 1],
  ['the same', CLIENT_PORT],
] as const) {
  test(`two hosts with one bridge's addresses, and ${what} client ports`, { skip: rootSkip }, async (t) => {
    const hosts = [
      await startNetworkedHost(t, 'one', CLIENT_PORT),
      await startNetworkedHost(t, 'two', otherPort),
    ];
    const app = await runApp(t);
    const reports: Report[] = [];
    for (const [i, host] of hosts.entries()) {
      reports.push(await host.report());
      await app.report(reports[i]!, `probe-${i}`);
    }
    // Both once more: the first one's report came before anybody knew of the second.
    for (const [i, report] of reports.entries()) await app.report(report, `probe-${i}`);
    assert.deepEqual(named(reports, await edgesOf(app)), [
      'one held-connection.js > one echo-server.js: 1',
      'two held-connection.js > two echo-server.js: 1',
    ]);
    assert.deepEqual(await edgesOf(app, 'hosts'), [
      'one;<host> > one;<host>: 1',
      'two;<host> > two;<host>: 1',
    ]);
  });
}

for (const [family, client, server] of [
  ['IPv4', `10.${randomInt(1, 255)}.0.1`, '2'],
  ['IPv6', `fd99:${randomInt(1, 255)}::1`, '2'],
] as const) {
  const serverAddress = client.replace(/1$/, server);
  for (const [what, otherPort] of [
    ['other', CLIENT_PORT + 1],
    ['the same', CLIENT_PORT],
  ] as const) {
    const title = `two networks of one host with the same ${family} addresses, and ${what} client ports`;
    test(title, { skip: ebpfSkip }, async (t) => {
      const pids: [string, string][] = [];
      const report = await reportWhile(
        t,
        async () => {
          for (const localPort of [CLIENT_PORT, otherPort]) {
            const [clientNetns, serverNetns] = network(t, client, serverAddress);
            const serving = await startNodeProgram(t, 'echo-server', [serverAddress, PORT], serverNetns.name);
            const args = [serverAddress, PORT, localPort];
            const dialling = await startNodeProgram(t, 'held-connection', args, clientNetns.name);
            pids.push([String(dialling.pid), String(serving.pid)]);
          }
        },
        { duration: '9s' },
      );
      const edges = edgesTo(report, PORT).filter(({ to }) => to.includes(serverAddress));
      assert.deepEqual(
        edges.map(({ fromPid, toPid, connections }) => [fromPid, toPid, connections]).sort(),
        pids.map(([from, to]) => [from, to, 1]).sort(),
      );
    });
  }
}

const bridged = (host: string, pid: number, extra: Parameters<typeof makeReport>[0] = {}): Report =>
  makeReport({
    Host: [hostNode(host, ['172.17.0.1/16'])],
    Process: [processNode(host, pid, 'app'), processNode(host, pid + 1, 'redis')],
    Endpoint: [
      endpointNode(';172.17.0.2;40000', { owner: [host, pid], to: [';172.17.0.3;6379'] }),
      endpointNode(';172.17.0.3;6379', { owner: [host, pid + 1] }),
    ],
    ...extra,
  });

test('a dead server of one host is not the living one of another', async (t) => {
  const app = await runApp(t);
  await app.report(bridged('a', 1), 'a');
  await app.report(
    bridged('b', 1, {
      Endpoint: [
        endpointNode(';172.17.0.2;40001', {
          owner: ['b', 1],
          to: [';172.17.0.3;6379'],
          extra: { conn_count: '0', failed_count: '3', failed_reason: 'refused' },
        }),
        endpointNode(';172.17.0.3;6379'),
      ],
    }),
    'b',
  );
  assert.deepEqual(await edgesOf(app), ['a;1 > a;2: 1', 'b;1 > pseudo:unanswered:b;172.17.0.3;6379: 0']);
});

test('an address that two hosts serve leads each client to the one that knows its connection', async (t) => {
  const app = await runApp(t);
  const server = (host: string, port: number): Report =>
    makeReport({
      Host: [hostNode(host, ['10.0.0.100/32'])],
      Process: [processNode(host, 9, 'web')],
      Endpoint: [
        endpointNode(`;10.0.0.7;${port}`, { to: [';10.0.0.100;80'] }),
        endpointNode(';10.0.0.100;80', { owner: [host, 9] }),
      ],
    });
  const client = makeReport({
    Host: [hostNode('c', ['10.0.0.7/24'])],
    Process: [processNode('c', 1, 'one'), processNode('c', 2, 'two')],
    Endpoint: [
      endpointNode(';10.0.0.7;40001', { owner: ['c', 1], to: [';10.0.0.100;80'] }),
      endpointNode(';10.0.0.7;40002', { owner: ['c', 2], to: [';10.0.0.100;80'] }),
      endpointNode(';10.0.0.100;80'),
    ],
  });
  await app.report(server('a', 40001), 'a');
  await app.report(server('b', 40002), 'b');
  await app.report(client, 'c');
  assert.deepEqual(await edgesOf(app), ['c;1 > a;9: 1', 'c;2 > b;9: 1']);
});

test('an address that moves to another host is that one when the first has let go of it', async (t) => {
  let now = 1_700_000_000_000;
  const app = await runApp(t, { windowMs: 15_000, clock: () => now });
  await app.report(bridged('a', 1), 'a');
  for (let round = 0; round < 5; round++) {
    await app.report(bridged('b', 1), 'b');
    now += 5_000;
  }
  assert.deepEqual(await edgesOf(app), ['b;1 > b;2: 1']);
});
