/**
 * Two networks with the same addresses behind one router, kept apart by conntrack zones: one tuple is two flows, which
 * lead to two servers.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { ConntrackMonitor } from '../../src/probe/conntrack/index.js';
import { openSource } from '../../src/probe/open-connections.js';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { startNodeProgram } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { edgesBetween, type Edge } from '../probe-flows/edges.js';
import { flowsIn } from '../conntrack/flow-text.js';
import { occupy, PUBLISHED_PORT, rootSkip, SERVER_PORT } from '../conntrack/nat-network.js';

const CLIENT_PORT = 40_000;
/** After these a socket that was handed over has been looked at again. */
const FEW_TICKS = 8;

interface Zones {
  readonly router: Namespace;
  readonly clients: readonly Namespace[];
  /** Of both clients, and what both dial. */
  readonly clientAddress: string;
  readonly dialled: string;
  /** Where the first and the second zone's connections lead, and the processes there. */
  readonly servers: readonly { readonly address: string; readonly pid: string }[];
}

function execute(netns: Namespace, ...command: readonly string[]): string {
  return execFileSync('ip', ['netns', 'exec', netns.name, ...command], { encoding: 'utf8', stdio: 'pipe' });
}

/** The name of the link that was made last. */
function lastLink(netns: Namespace): string {
  const links = execute(netns, 'ip', '-json', 'link', 'show', 'type', 'veth');
  return (JSON.parse(links) as { ifname: string }[]).at(-1)!.ifname;
}

async function createZones(t: TestContext): Promise<Zones> {
  const near = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const far = `172.${randomInt(16, 32)}.${randomInt(1, 255)}`;
  const [router, server] = [createNamespace(t), createNamespace(t)];
  const [dialled, addresses] = [`${near}.1`, [`${far}.2`, `${far}.3`]];
  joinNamespaces(server, `${addresses[0]!}/24`, router, `${far}.1/24`);
  execute(server, 'ip', 'address', 'add', `${addresses[1]!}/24`, 'dev', lastLink(server));
  execute(server, 'ip', 'route', 'add', 'default', 'via', `${far}.1`);
  execute(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  const clients: Namespace[] = [];
  const servers: { address: string; pid: string }[] = [];
  for (const [i, address] of addresses.entries()) {
    const client = createNamespace(t);
    clients.push(client);
    joinNamespaces(client, `${near}.2/24`, router, `${dialled}/24`);
    const [zone, link] = [String(i + 1), lastLink(router)];
    const add = (table: string, ...rule: readonly string[]): void => {
      execute(router, 'iptables-legacy', '-w', '-t', table, '-A', 'PREROUTING', ...rule);
    };
    const end = `${address}:${SERVER_PORT}`;
    add('raw', '-i', link, '-j', 'CT', '--zone', zone);
    add('raw', '-s', address, '-j', 'CT', '--zone', zone);
    add('nat', '-i', link, '-p', 'tcp', '--dport', String(PUBLISHED_PORT), '-j', 'DNAT', '--to', end);
    // Answers leave by the link that their zone's packets come by.
    add('mangle', '-s', address, '-j', 'MARK', '--set-mark', zone);
    execute(router, 'ip', 'rule', 'add', 'fwmark', zone, 'lookup', `10${zone}`);
    execute(router, 'ip', 'route', 'add', `${near}.0/24`, 'dev', link, 'table', `10${zone}`);
    const { pid } = await startNodeProgram(t, 'echo-server', [address, SERVER_PORT], server.name);
    servers.push({ address, pid: String(pid) });
  }
  await occupy(t, router);
  return { router, clients, clientAddress: `${near}.2`, dialled, servers };
}

/** The same tuple in both zones. */
async function connectBoth(t: TestContext, { clients, dialled }: Zones): Promise<void> {
  for (const { name } of clients)
    await startNodeProgram(t, 'held-connection', [dialled, PUBLISHED_PORT, CLIENT_PORT], name);
}

for (const [name, textOnly] of [
  ['netlink', false],
  ['text', true],
] as const) {
  test(`${name}: one tuple in two zones is two flows`, { skip: rootSkip }, async (t) => {
    const zones = await createZones(t);
    const watcher = new ConntrackMonitor({ wanted: 'nat', textOnly });
    t.after(() => watcher.close());
    await watcher.refresh();
    await connectBoth(t, zones);
    const { router, clientAddress, dialled, servers } = zones;
    const client = `${clientAddress} ${CLIENT_PORT}`;
    const expected = servers.map(
      ({ address }) => `${client} > ${dialled} ${PUBLISHED_PORT} | ${address} ${SERVER_PORT} > ${client}`,
    );
    assert.deepEqual(flowsIn((await watcher.refresh()).flows, router), expected);

    // The one goes on when the other ends.
    execute(router, 'conntrack', '-D', '--zone', '1');
    await watcher.refresh();
    await watcher.refresh();
    await watcher.refresh();
    assert.deepEqual(flowsIn((await watcher.refresh()).flows, router), expected.slice(1));
  });
}

for (const kind of ['ebpf', 'proc'] as const) {
  test(`${kind}: each zone's connection leads to its own server`, { skip: rootSkip }, async (t) => {
    const zones = await createZones(t);
    const { source, seeded } = await openSource(kind, { procRoot: '/proc' });
    t.after(() => source.close());
    await seeded;
    const watched = new WatchedSource(source);
    await watched.next();
    await connectBoth(t, zones);
    const { nodes } = await watched.last();
    const client = `;${zones.clientAddress};${CLIENT_PORT}`;
    assert.deepEqual(
      edgesBetween(nodes).filter(({ from, to }) => from === client || to === client),
      zones.servers.map(
        // Two processes have this end's address and port, and which of them has which connection is unknown.
        ({ address, pid }): Edge => ({
          from: client,
          to: `;${address};${SERVER_PORT}`,
          fromPid: undefined,
          toPid: pid,
          count: zones.clients.length, // of both edges from this end
        }),
      ),
    );
  });
}

test(
  'ebpf: a connection whose tuple another zone has already leads to its own server, while that one has no news',
  { skip: rootSkip },
  async (t) => {
    const zones = await createZones(t);
    const { source, seeded } = await openSource('ebpf', { procRoot: '/proc' });
    t.after(() => source.close());
    await seeded;
    const watched = new WatchedSource(source);
    await watched.next();
    const client = `;${zones.clientAddress};${CLIENT_PORT}`;
    const expected: string[] = [];
    for (const [i, { name }] of zones.clients.entries()) {
      await startNodeProgram(t, 'held-connection', [zones.dialled, PUBLISHED_PORT, CLIENT_PORT], name);
      expected.push(`;${zones.servers[i]!.address};${SERVER_PORT}`);
      let ends: string[] = [];
      for (let tick = 0; tick < FEW_TICKS && ends.join() !== expected.join(); tick++) {
        const { nodes } = await watched.next();
        ends = edgesBetween(nodes).flatMap(({ from, to }) => (from === client ? [to] : []));
      }
      assert.deepEqual(ends.sort(), expected.toSorted());
    }
  },
);

test(
  'short connections in two zones, without eBPF, are neither lost nor one',
  { skip: rootSkip },
  async (t) => {
    const zones = await createZones(t);
    const { source } = await openSource('proc', { procRoot: '/proc' });
    t.after(() => source.close());
    const watched = new WatchedSource(source);
    await watched.next();
    const once = `import socket, sys
s = socket.socket(); s.bind(('', ${CLIENT_PORT})); s.connect(('${zones.dialled}', ${PUBLISHED_PORT}))
s.sendall(b'x'); s.recv(1); s.close()`;
    for (const { name } of zones.clients) execFileSync('ip', ['netns', 'exec', name, 'python3', '-c', once]);
    const counts = new Map<string, number>();
    for (let report = 0; report < 3; report++) {
      const { nodes } = await watched.next();
      for (const { from, to } of edgesBetween(nodes))
        if (from.startsWith(`;${zones.clientAddress};`)) counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    assert.deepEqual(
      [...counts].sort(),
      zones.servers.map(({ address }) => [`;${address};${SERVER_PORT}`, 1]),
    );
  },
);
