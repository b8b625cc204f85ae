/**
 * Connection tracking forgets a translation while its connection lives on, idle: by a flush, by its entry's time-out, with
 * the rules, with the router. The connection's edge stays where it was until the socket closes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { openSource } from '../../src/probe/open-connections.js';
import { NO_FLOWS } from '../../src/probe/records/nat-flow.js';
import { deleteNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, type Program } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { until } from '../publish/shipping.js';
import { edgesBetween } from '../probe-flows/edges.js';
import { flowsIn } from '../conntrack/flow-text.js';
import {
  createNatNetwork,
  occupy,
  rootSkip,
  ROUTES,
  SERVER_PORT,
  type NatNetwork,
  type Route,
} from '../conntrack/nat-network.js';

function execute(netns: Namespace, ...command: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', netns.name, ...command], { stdio: 'pipe' });
}

/** One connection over a route, whose processes can be ended one by one. */
interface Held extends NatNetwork {
  readonly route: Route;
  readonly dialled: readonly [address: string, port: number];
  readonly clientPort: number;
  readonly occupant: Program;
}

async function hold(t: TestContext, route: Route): Promise<Held> {
  const network = createNatNetwork(t, route.family);
  const dialled = route.prepare(network);
  const occupant = await occupy(t, network.router);
  await startNodeProgram(t, 'echo-server', [network.serverAddress, SERVER_PORT], network.server.name);
  const holder = await startNodeProgram(t, 'held-connection', dialled, network.client.name);
  return { ...network, route, dialled, clientPort: Number(holder.firstLine), occupant };
}

async function end({ child }: Program): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function entriesIn({ name }: Namespace): number {
  const command = ['netns', 'exec', name, 'conntrack', '-L', '-p', 'tcp'];
  const listed = execFileSync('ip', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return listed.split('\n').filter((line) => line !== '').length;
}

/** How a translation is forgotten. */
const WAYS: Readonly<Record<string, (held: Held) => void | Promise<void>>> = {
  // In this order: the first is tried with every route.
  'the table is flushed': ({ router, client }) => {
    for (const netns of [router, client]) execute(netns, 'conntrack', '-F');
  },
  'the entry times out': async ({ router, client, clientAddress }) => {
    for (const netns of [router, client]) {
      // An entry's time is set by its packets, or by hand. The client's namespace may have no entry.
      const update = `conntrack -U -p tcp -s ${clientAddress} --timeout 1`;
      execute(netns, 'sh', '-c', `${update} || true`);
      await until('the entry has timed out', () => entriesIn(netns) === 0);
    }
  },
  'the rules go, and the table is flushed': ({ router, client, route }) => {
    const program = route.family === 'IPv4' ? 'iptables-legacy' : 'ip6tables-legacy';
    for (const netns of [router, client]) {
      execute(netns, program, '-w', '-t', 'nat', '-F');
      execute(netns, 'conntrack', '-F');
    }
  },
  'the router goes': async ({ router, occupant }) => {
    await end(occupant);
    deleteNamespace(router);
  },
};

interface Seen {
  readonly edges: readonly string[];
  readonly flows: readonly string[];
  /** Ids of endpoints that are copies of the server's. */
  readonly copies: readonly string[];
}

async function look(watched: WatchedSource, { router, client, serverAddress }: Held): Promise<Seen> {
  const { nodes, snapshot } = await watched.next();
  const flows = snapshot.flows ?? NO_FLOWS;
  const server = `;${serverAddress};${SERVER_PORT}`;
  return {
    edges: edgesBetween(nodes).map(({ from, to }) => `${from} > ${to}`),
    flows: [router, client].flatMap((netns) => flowsIn(flows, netns)),
    copies: Array.from(nodes.values())
      .filter(({ latest }) => latest?.get('copy_of')?.value === server)
      .map(({ id }) => id),
  };
}

const edgeOf = (held: Held): string =>
  `;${held.clientAddress};${held.clientPort} > ;${held.serverAddress};${SERVER_PORT}`;

/** Edges between the test's networks: what others on this machine do is theirs. */
const own = (held: Held, edges: readonly string[]): string[] =>
  edges.filter(
    (edge) => edge.includes(`;${held.clientAddress};`) || edge.includes(`;${held.serverAddress};`),
  );

async function openSeeded(t: TestContext, kind: 'ebpf' | 'proc'): Promise<WatchedSource> {
  const { source, seeded } = await openSource(kind, { procRoot: '/proc' });
  t.after(() => source.close());
  await seeded;
  return new WatchedSource(source);
}

const PLAIN_ROUTES = ROUTES.filter(({ isHairpin }) => isHairpin !== true);
const CASES = (['ebpf', 'proc'] as const).flatMap((kind) => [
  ...PLAIN_ROUTES.map((route) => ({ kind, route, way: 'the table is flushed' })),
  ...Object.keys(WAYS)
    .slice(1)
    .map((way) => ({ kind, route: ROUTES.find(({ name }) => name === 'DNAT and SNAT')!, way })),
]);

for (const { kind, route, way } of CASES) {
  test(`${kind}, ${route.name}: the edge stays when ${way}`, { skip: rootSkip }, async (t) => {
    const held = await hold(t, route);
    const watched = await openSeeded(t, kind);
    const before = await look(watched, held);
    assert.deepEqual(own(held, before.edges), [edgeOf(held)]);
    assert.ok(before.flows.length > 0);
    await WAYS[way]!(held);
    // Something new each time, so that nothing is left as it was for want of news: over the same route, where it is left.
    const isLeft = way === 'the table is flushed' || way === 'the entry times out';
    for (let again = 0; again < 2; again++) {
      if (way === 'the table is flushed') await WAYS[way]!(held);
      const other = isLeft
        ? await startNodeProgram(t, 'held-connection', held.dialled, held.client.name)
        : await startNodeProgram(t, 'echo-server', ['127.0.0.1', SERVER_PORT], held.client.name);
      const seen = await look(watched, held);
      for (const edge of own(held, seen.edges))
        assert.ok(edge.endsWith(` > ;${held.serverAddress};${SERVER_PORT}`), edge);
      assert.ok(own(held, seen.edges).includes(edgeOf(held)), own(held, seen.edges).join('\n'));
      assert.deepEqual(seen.copies, before.copies);
      await end(other);
      await watched.next();
    }
  });
}
