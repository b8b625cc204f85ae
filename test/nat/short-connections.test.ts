/** Without eBPF, connections too short for /proc are supplied by connection tracking: each once, none twice. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openSource } from '../../src/probe/open-connections.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, startProgram } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { edgesBetween, type Edge } from '../probe-flows/edges.js';
import {
  connectOver,
  createNatNetwork,
  occupy,
  rootSkip,
  ROUTES,
  trackConnections,
} from '../conntrack/nat-network.js';

interface Probe {
  /** Edges of the next report whose far end is `address;port`, or just the port; all for the empty text. */
  edgesTo(end: string): Promise<Edge[]>;
  counters(): Readonly<Record<string, number>>;
}

async function openProbe(t: TestContext): Promise<Probe> {
  const { source, conntrackRefusal } = await openSource('proc', { procRoot: '/proc' });
  t.after(() => source.close());
  assert.equal(await conntrackRefusal, undefined);
  const watched = new WatchedSource(source);
  return {
    async edgesTo(end) {
      const { nodes } = await watched.next();
      return edgesBetween(nodes).filter(({ to }) => end === '' || to.endsWith(`;${end}`));
    },
    counters: () => source.counters(),
  };
}

const total = (edges: readonly Edge[]): number => edges.reduce((sum, { count }) => sum + count, 0);

/** A namespace with connection tracking on, and a server in it. */
async function serve(t: TestContext): Promise<{ netns: Namespace; port: string; pid: number }> {
  const netns = createNamespace(t);
  trackConnections(netns);
  const { firstLine: port, pid } = await startNodeProgram(t, 'echo-server', ['127.0.0.1'], netns.name);
  return { netns, port, pid };
}

test(
  'each short connection is counted once, with the process that listens',
  { skip: rootSkip },
  async (t) => {
    const { netns, port, pid } = await serve(t);
    const probe = await openProbe(t);
    await probe.edgesTo(port);
    await startNodeProgram(t, 'short-connections', ['127.0.0.1', port, 25], netns.name);
    let seen = 0;
    // The end that was not seen is waited for until the next report.
    for (let report = 0; report < 3; report++) {
      const edges = await probe.edgesTo(port);
      seen += total(edges);
      for (const { toPid, to } of edges) {
        assert.equal(toPid, String(pid));
        assert.equal(to, `vm-${netns.inode};127.0.0.1;${port}`);
      }
    }
    assert.equal(seen, 25);
    assert.ok((probe.counters()['conntrackShortConnections'] ?? 0) >= 25);
  },
);

test('what /proc sees is not added again, however long it lasts', { skip: rootSkip }, async (t) => {
  const { netns, port } = await serve(t);
  const probe = await openProbe(t);
  await probe.edgesTo(port);
  const client = await startNodeProgram(t, 'held-connection', ['127.0.0.1', port], netns.name);
  for (let report = 0; report < 3; report++) {
    const [edge, ...others] = await probe.edgesTo(port);
    assert.deepEqual(others, []);
    assert.equal(edge?.count, 1);
    assert.equal(edge.fromPid, String(client.pid));
  }
  client.child.kill('SIGKILL');
  for (let report = 0; report < 3; report++) assert.ok(total(await probe.edgesTo(port)) <= 1);
  assert.deepEqual(await probe.edgesTo(port), []);
});

test('connections older than the probe are not news', { skip: rootSkip }, async (t) => {
  const { netns, port } = await serve(t);
  await startNodeProgram(t, 'short-connections', ['127.0.0.1', port, 5], netns.name);
  const probe = await openProbe(t);
  for (let report = 0; report < 3; report++) assert.deepEqual(await probe.edgesTo(port), []);
});

test(
  'a short connection through NAT is one from the real client to the real server',
  { skip: rootSkip },
  async (t) => {
    const network = createNatNetwork(t);
    const route = ROUTES.find(({ name }) => name === 'DNAT and SNAT')!;
    const [dialled, port] = route.prepare(network);
    await occupy(t, network.router);
    // The client's own namespace tracks it too: the same connection is reported twice.
    trackConnections(network.client);
    await occupy(t, network.client);
    await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
    const probe = await openProbe(t);
    await probe.edgesTo('8080');
    await startNodeProgram(t, 'short-connections', [dialled, port, 7], network.client.name);
    let seen = 0;
    for (let report = 0; report < 3; report++) {
      for (const { from, to, count } of await probe.edgesTo('')) {
        assert.notEqual(to, `;${dialled};${port}`);
        if (to !== `;${network.serverAddress};8080`) continue;
        assert.ok(from.startsWith(`;${network.clientAddress};`), from);
        seen += count;
      }
    }
    assert.equal(seen, 7);
  },
);

test(
  'the lower port is not the server when connection tracking knows better',
  { skip: rootSkip },
  async (t) => {
    const netns = createNamespace(t);
    trackConnections(netns);
    // The listener is gone when the probe looks: only the flow gives the direction.
    const accept = `
import socket, sys
s = socket.create_server(('127.0.0.1', 50000)); print('up', flush=True)
c, _ = s.accept(); s.close()
sys.stdin.read()`;
    const connect = `
import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', 1000)); s.connect(('127.0.0.1', 50000)); print('up', flush=True)
sys.stdin.read()`;
    const enter = ['ip', 'netns', 'exec', netns.name, 'python3', '-c'];
    await startProgram(t, [...enter, accept]);
    const client = await startProgram(t, [...enter, connect]);
    const probe = await openProbe(t);
    const edges = await probe.edgesTo('50000');
    assert.deepEqual(
      edges.filter(({ from }) => from.startsWith(`vm-${netns.inode};`)).map(({ fromPid }) => fromPid),
      [String(client.pid)],
    );
  },
);

test('counters report what connection tracking did', { skip: rootSkip }, async (t) => {
  const { serverAddress } = await connectOver(t, ROUTES[0]!);
  const probe = await openProbe(t);
  assert.equal((await probe.edgesTo(`${serverAddress};8080`)).length, 1);
  assert.ok((probe.counters()['conntrackLookedThrough'] ?? 0) >= 1);
});
