/**
 * The hard kinds of connections, made by real processes that tell the truth about them (test/scenarios/scenarios.c): no
 * edge is missing, none invented, none reversed, and every process is the right one.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { ConnectionFeed } from '../../src/probe/connections/feed.js';
import { EbpfSource } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { buildEndpoints } from '../../src/probe/topology/index.js';
import { now } from '../../src/report/index.js';
import type { Node } from '../../src/report/model.js';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { runScenario, type Truth } from '../support/scenario.js';
import { ebpfSkip } from './requirements.js';

interface Seen {
  readonly feed: ConnectionFeed;
  /** Everything since the start, as endpoint nodes. */
  nodes(): Promise<ReadonlyMap<string, Node>>;
}

async function watch(t: TestContext): Promise<Seen> {
  const source = await EbpfSource.start();
  t.after(() => source.close());
  await source.seeded();
  const feed = new ConnectionFeed(source);
  return {
    feed,
    async nodes() {
      const batch = await feed.only();
      assert.equal(batch.lost, 0);
      assert.deepEqual(batch.completeness?.namespaces, [], 'the kernel counted no more than was seen');
      const { topology } = buildEndpoints({
        ...batch,
        hostName: 'vm',
        now: now(),
        names: () => undefined,
      });
      return topology.nodes;
    },
  };
}

const portOf = (id: string): number => Number(id.slice(id.lastIndexOf(';') + 1));
const fact = (node: Node | undefined, key: string): string | undefined => node?.latest?.get(key)?.value;

/** Connections by `client PID > server PID : port`, of edges to the given ports in the given scope. */
function edgesTo(
  nodes: ReadonlyMap<string, Node>,
  ports: ReadonlySet<number>,
  scope: RegExp,
): Map<string, number> {
  const edges = new Map<string, number>();
  for (const [id, node] of nodes) {
    for (const to of node.adjacency ?? []) {
      if (!ports.has(portOf(to)) || !scope.test(to)) continue;
      const serverPid = fact(node, 'to_pid') ?? fact(nodes.get(to), 'pid') ?? '?';
      const key = `${fact(node, 'pid') ?? '?'} > ${serverPid} : ${portOf(to)}`;
      edges.set(key, (edges.get(key) ?? 0) + Number(fact(node, 'conn_count') ?? 1));
      assert.ok(portOf(id) !== portOf(to) || nodes.get(to) === node, 'no edge from a server port');
    }
  }
  return edges;
}

function assertTrue(nodes: ReadonlyMap<string, Node>, truth: readonly Truth[], scope: RegExp): void {
  const expected = new Map<string, number>();
  for (const { clientPid, serverPid, serverPort, count } of truth) {
    const key = `${clientPid} > ${serverPid} : ${serverPort}`;
    expected.set(key, (expected.get(key) ?? 0) + count);
  }
  const ports = new Set(truth.map(({ serverPort }) => serverPort));
  const sorted = (map: Map<string, number>): [string, number][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(edgesTo(nodes, ports, scope)), sorted(expected));
  for (const [id, node] of nodes) {
    if (!scope.test(id) || !ports.has(portOf(id))) continue;
    const onward = (node.adjacency ?? []).filter((to) => to !== id);
    assert.deepEqual(onward, [], `a server does not connect to its clients: ${id}`);
  }
}

const inNamespace = ({ inode }: Namespace): RegExp => new RegExp(`^vm-${inode};`);

for (const [what, args] of [
  ['short connections over IPv4', ['short']],
  ['short connections over IPv6', ['short', '::1']],
  ['all of 127.0.0.0/8', ['whole-loopback']],
  ['IPv4 in IPv6 sockets, on either side', ['mapped']],
  ['a socket connected to itself', ['self-connect']],
  ['one tuple, used again and again', ['reused-tuple']],
  ['workers that accept from the listener of their parent', ['prefork']],
  ['children that serve what their parent accepted', ['child-serves']],
  ['descriptors passed over a Unix socket', ['passed-descriptor']],
  ['a listener handed to a program, as systemd does', ['activated']],
  ['threads', ['threads']],
  ['connections accepted by io_uring', ['io-uring']],
  ['a client killed in the middle', ['killed-client']],
  ['a server killed in the middle', ['killed-server']],
  ['every port of one client', ['all-ports']],
] as const) {
  test(what, { skip: ebpfSkip }, async (t) => {
    const netns = createNamespace(t);
    const seen = await watch(t);
    let unavailable = '';
    const { truth } = await runScenario(t, netns, args, (line) => {
      unavailable = line;
    });
    if (unavailable !== '') {
      t.skip(`${what}: ${unavailable} on this kernel`);
      return;
    }
    assert.ok(truth.length > 0);
    assertTrue(await seen.nodes(), truth, inNamespace(netns));
  });
}

test('the same addresses and ports in two namespaces', { skip: ebpfSkip }, async (t) => {
  const [a, b] = [createNamespace(t), createNamespace(t)];
  const seen = await watch(t);
  const [inA, inB] = await Promise.all([
    runScenario(t, a, ['fixed-port']),
    runScenario(t, b, ['fixed-port']),
  ]);
  const nodes = await seen.nodes();
  assertTrue(nodes, inA.truth, inNamespace(a));
  assertTrue(nodes, inB.truth, inNamespace(b));
});

test('a thousand namespaces that are gone with their connections', { skip: ebpfSkip }, async (t) => {
  const seen = await watch(t);
  const { truth } = await runScenario(t, createNamespace(t), ['many-namespaces']);
  assert.equal(truth.length, 1000);
  assertTrue(await seen.nodes(), truth, /^vm-\d+;127\.0\.0\.1;/);
});

test('link-local addresses between two namespaces', { skip: ebpfSkip }, async (t) => {
  const [a, b] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(a, 'fe80::a/64', b, 'fe80::b/64');
  const seen = await watch(t);
  const device = (
    execFileSync('ip', ['-n', a.name, '-o', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' }).split(
      ':',
    )[1] ?? ''
  )
    .trim()
    .replace(/@.*/, '');
  const { truth } = await runScenario(t, a, ['short', `fe80::a%${device}`]);
  assertTrue(await seen.nodes(), truth, /^vm;fe80::a;/);
});

test('a simultaneous open is one connection', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const iptables = (...args: string[]): void => {
    execFileSync('ip', ['netns', 'exec', netns.name, 'iptables', ...args]);
  };
  const seen = await watch(t);
  iptables('-A', 'INPUT', '-p', 'tcp', '-j', 'DROP');
  const { truth } = await runScenario(t, netns, ['simultaneous-open'], () => {
    iptables('-F', 'INPUT');
  });
  const [open] = truth;
  assert.ok(open?.otherPort !== undefined);
  const { serverPort, otherPort, clientPid } = open;
  const nodes = await seen.nodes();
  const edges = edgesTo(nodes, new Set([serverPort, otherPort]), inNamespace(netns));
  assert.deepEqual([...edges.values()], [1]);
  assert.match([...edges.keys()][0] ?? '', new RegExp(`^${clientPid} > ${clientPid} : `));
});
