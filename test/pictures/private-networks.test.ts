/**
 * What no probe is at: the Internet, or another private network. A real client in a network namespace, on a host of its
 * own; the machine that it talks to has no probe.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { runApp, type RunningApp } from '../app/running-app.js';
import { endpointNode, hostNode, makeReport, processNode } from '../app/sample-reports.js';
import { node, startHost } from '../support/host.js';
import { createNamespace, joinNamespaces } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';

const rootSkip = process.getuid?.() === 0 ? false : 'needs root: makes network namespaces';

interface Summary {
  readonly label: string;
  readonly labelMinor: string;
  readonly pseudo?: true;
  readonly adjacency?: readonly string[];
}

async function viewOf(app: RunningApp, view: string): Promise<Readonly<Record<string, Summary>>> {
  const { body } = await app.get(`/api/topology/${view}`);
  return (body as { nodes: Record<string, Summary> }).nodes;
}

/** The pseudo nodes that a client's host sees when it talks to `address`, which a network or a route leads to. */
async function pseudoNodes(
  t: TestContext,
  own: string,
  peer: string,
  address: string,
): Promise<readonly [id: string, summary: Summary][]> {
  const [client, server] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(client, own, server, peer);
  const [gateway = ''] = peer.split('/');
  if (address !== gateway) {
    const length = address.includes(':') ? 128 : 32;
    execFileSync('ip', ['-n', server.name, 'address', 'add', `${address}/${length}`, 'dev', 'lo']);
    execFileSync('ip', ['-n', client.name, 'route', 'add', 'default', 'via', gateway]);
  }
  const { firstLine: port } = await startNodeProgram(t, 'echo-server', [address], server.name);
  const host = await startHost(t, 'alone', [[client, node('held-connection', address, port)]]);
  const app = await runApp(t);
  await app.report(await host.report());
  const seen = Object.entries(await viewOf(app, 'processes')).filter(([, { pseudo }]) => pseudo === true);
  const targets = Object.values(await viewOf(app, 'processes')).flatMap(({ adjacency = [] }) => adjacency);
  for (const [id] of seen) assert.ok(targets.includes(id), `nothing leads to ${id}`);
  return seen;
}

const part = (): string => String(randomInt(1, 255));

test('a neighbour in a network of some namespace is in that network', { skip: rootSkip }, async (t) => {
  const net = `10.${part()}.${part()}`;
  const seen = await pseudoNodes(t, `${net}.2/24`, `${net}.9/24`, `${net}.9`);
  assert.deepEqual(
    seen.map(([, { label, labelMinor }]) => [label, labelMinor]),
    [[`${net}.0/24`, 'Other private network']],
  );
});

test('so is one of IPv6', { skip: rootSkip }, async (t) => {
  const net = `fd77:${part()}:${part()}`;
  const seen = await pseudoNodes(t, `${net}::2/64`, `${net}::9/64`, `${net}::9`);
  assert.deepEqual(
    seen.map(([, { label }]) => label),
    [`${net}::/64`],
  );
});

for (const [range, address] of [
  ['100.64.0.0/10', '100.77.1.2'],
  ['192.168.0.0/16', '192.168.77.2'],
  ['fc00::/7', 'fdee::77'],
] as const) {
  test(`${address} beyond a router is in ${range}`, { skip: rootSkip }, async (t) => {
    const isIpv4 = !address.includes(':');
    const net = isIpv4 ? `10.${part()}.${part()}.` : `fd78:${part()}:${part()}::`;
    const length = isIpv4 ? '/24' : '/64';
    const seen = await pseudoNodes(t, `${net}2${length}`, `${net}1${length}`, address);
    assert.deepEqual(
      seen.map(([, { label, labelMinor }]) => [label, labelMinor]),
      [[range, 'Other private network']],
    );
  });
}

test('any other address is the Internet', { skip: rootSkip }, async (t) => {
  const net = `10.${part()}.${part()}`;
  const seen = await pseudoNodes(t, `${net}.2/24`, `${net}.1/24`, '8.8.4.4');
  assert.deepEqual(
    seen.map(([id]) => id),
    ['out-theinternet'],
  );
});

test('a private machine with a name is shown by it, whichever way it talks', async (t) => {
  const app = await runApp(t);
  await app.report(
    makeReport(
      {
        Host: [hostNode('x', ['10.1.0.1/24'])],
        Process: [processNode('x', 1, 'web')],
        Endpoint: [
          endpointNode(';10.1.0.1;40001', { owner: ['x', 1], to: [';10.9.0.7;5432'] }),
          endpointNode(';10.9.0.7;5432'),
          endpointNode(';10.9.0.8;40002', { to: [';10.1.0.1;80'] }),
          endpointNode(';10.1.0.1;80', { owner: ['x', 1] }),
        ],
      },
      { dns: new Map([['10.9.0.7', { reverse: ['db.example.internal'] }]]) },
    ),
  );
  const nodes = await viewOf(app, 'processes');
  assert.deepEqual(nodes['x;1']?.adjacency, ['pseudo:private:db.example.internal']);
  assert.equal(nodes['pseudo:private:db.example.internal']?.label, 'db.example.internal');
  assert.deepEqual(nodes['pseudo:private:10.0.0.0/8']?.adjacency, ['x;1']);
  const { body } = await app.get(
    `/api/topology/processes/${encodeURIComponent('pseudo:private:10.0.0.0/8')}`,
  );
  assert.match(JSON.stringify(body), /10\.9\.0\.8/);
});

test('an address of the fleet whose endpoint nobody owns is no other network', async (t) => {
  const app = await runApp(t);
  await app.report(
    makeReport({
      Host: [hostNode('x', ['10.1.0.1/24'])],
      Process: [processNode('x', 1, 'web')],
      Endpoint: [
        endpointNode(';10.1.0.1;40001', { to: [';10.1.0.1;80'] }),
        endpointNode(';10.1.0.1;80', { owner: ['x', 1] }),
        endpointNode(';10.1.0.3;40001', { owner: ['x', 2], to: [';10.1.0.1;80'] }),
        endpointNode(';10.1.0.3;40002', { to: [';10.1.0.1;80'] }),
      ],
    }),
  );
  assert.deepEqual(Object.keys(await viewOf(app, 'processes')).sort(), ['x;1', 'x;2']);
});
