/**
 * A translation that is known only after the socket's record was handed over: the socket has no news any more, and leads to
 * where it really does all the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConntrackMonitor } from '../../src/probe/conntrack/index.js';
import { withConntrack } from '../../src/probe/nat/nat-source.js';
import { findNamespaces } from '../../src/probe/namespaces/net-namespaces.js';
import { createNatNetwork, occupy, rootSkip, ROUTES, SERVER_PORT } from '../conntrack/nat-network.js';
import { edgesBetween } from '../probe-flows/edges.js';
import { startNodeProgram } from '../support/program.js';
import { startEbpf } from '../support/rung.js';
import { WatchedSource } from '../support/watched-source.js';

/** After these a socket that was handed over has been looked at again. */
const FEW_TICKS = 8;
const LATE = ROUTES.filter(
  ({ name, family }) => family === 'IPv4' && ['DNAT', 'SNAT', 'DNAT and SNAT'].includes(name),
);

for (const route of LATE) {
  test(`${route.name}: a flow that is known late is found its socket`, { skip: rootSkip }, async (t) => {
    const network = createNatNetwork(t, route.family);
    const dialled = route.prepare(network);
    await occupy(t, network.router);
    await startNodeProgram(t, 'echo-server', [network.serverAddress, SERVER_PORT], network.server.name);
    let isHidden = true;
    const monitor = new ConntrackMonitor({
      wanted: 'nat',
      listNamespaces: async () =>
        (await findNamespaces('/proc')).filter(({ inode }) => !isHidden || inode !== network.router.inode),
    });
    const ebpf = await startEbpf();
    const source = withConntrack(ebpf, monitor);
    t.after(() => source.close());
    await ebpf.seeded();
    const watched = new WatchedSource(source);
    await watched.next();
    const { firstLine: port } = await startNodeProgram(t, 'held-connection', dialled, network.client.name);
    const client = `;${network.clientAddress};${port}`;
    const server = `;${network.serverAddress};${SERVER_PORT}`;
    const look = async (): Promise<string[]> =>
      edgesBetween((await watched.next()).nodes).flatMap(({ from, to }) =>
        from === client || to === server ? [`${from} > ${to}`] : [],
      );
    const expected = [`${client} > ${server}`];
    for (let tick = 0; tick < 2; tick++) assert.notDeepEqual(await look(), expected);
    isHidden = false;
    let edges: string[] = [];
    for (let tick = 0; tick < FEW_TICKS && edges.join() !== expected.join(); tick++) edges = await look();
    assert.deepEqual(edges, expected);
    // From then on changes are enough.
    await watched.next();
    assert.equal((await watched.next()).snapshot.isWhole, false);
  });
}
