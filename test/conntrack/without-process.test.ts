/** NAT in a network namespace that no process is in is looked through, whatever keeps the namespace. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readKernelCounts } from '../../src/probe/connections/ebpf/kernel-counters.js';
import { findNamespaces, NamespaceListing } from '../../src/probe/namespaces/net-namespaces.js';
import { openSource } from '../../src/probe/open-connections.js';
import { createNamespace, deleteNamespace, type Namespace } from '../support/namespace.js';
import { startNodeProgram, startProgram } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { edgesBetween } from '../probe-flows/edges.js';
import { createNatNetwork, rootSkip, ROUTES, SERVER_PORT } from './nat-network.js';

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kept '));
  t.after(() => {
    // A mount that is left in it would be in the way.
    execFileSync('sh', ['-c', 'umount -q "$1"/*; rm -r "$1"', 'sh', folder]);
  });
  return folder;
}

/** A thread that enters the namespace while the others of its process stay where they are. */
const THREAD = `
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def stay():
    fd = os.open(sys.argv[1], os.O_RDONLY)
    if libc.setns(fd, 0x40000000): os._exit(1)
    os.close(fd)
    print('here', flush=True)
    sys.stdin.read()
threading.Thread(target=stay).start()`;

/** A process that made its sockets in the namespace and left it, and holds no file of it. */
const SOCKET = `
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
home, there = os.open('/proc/self/ns/net', os.O_RDONLY), os.open(sys.argv[1], os.O_RDONLY)
if libc.setns(there, 0x40000000): sys.exit(1)
listener = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(listener.getsockname())
accepted = listener.accept()
if libc.setns(home, 0x40000000): sys.exit(1)
os.close(there); os.close(home)
print('here', flush=True)
sys.stdin.read()`;

/** What keeps a namespace besides the name that it was made with; taken away are the process and, where possible, the name. */
const KEEPERS: Readonly<Record<string, (t: TestContext, netns: Namespace) => void | Promise<void>>> = {
  'ip netns': () => undefined,
  'a mount elsewhere': (t, netns) => {
    const file = join(scratch(t), 'of a router');
    writeFileSync(file, '');
    execFileSync('mount', ['--bind', `/run/netns/${netns.name}`, file]);
    deleteNamespace(netns);
  },
  'a mount in another mount namespace': async (t, netns) => {
    const file = join(scratch(t), 'x');
    writeFileSync(file, '');
    const script = `mount --bind /run/netns/${netns.name} "$1"; echo here; exec cat`;
    const enter = ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', file];
    await startProgram(t, enter);
    deleteNamespace(netns);
  },
  'an open file': async (t, netns) => {
    await startProgram(t, ['sh', '-c', `exec 9< /run/netns/${netns.name}; echo here; exec cat`]);
    deleteNamespace(netns);
  },
  'a thread': async (t, netns) => {
    await startProgram(t, ['python3', '-c', THREAD, `/run/netns/${netns.name}`]);
    deleteNamespace(netns);
  },
};

async function edgesFrom(watched: WatchedSource, client: string): Promise<string[]> {
  const { nodes } = await watched.next();
  return edgesBetween(nodes)
    .filter(({ from }) => from === client)
    .map(({ to }) => to);
}

for (const kind of ['ebpf', 'proc'] as const) {
  for (const [keeper, keep] of Object.entries(KEEPERS)) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      test(
        `${kind}, ${family}: NAT in a namespace kept by ${keeper} alone`,
        { skip: rootSkip },
        async (t) => {
          const network = createNatNetwork(t, family);
          const name = family === 'IPv4' ? 'DNAT' : 'DNAT and SNAT of IPv6';
          const dialled = ROUTES.find((route) => route.name === name)!.prepare(network);
          await keep(t, network.router);
          await startNodeProgram(t, 'echo-server', [network.serverAddress, SERVER_PORT], network.server.name);
          const { firstLine } = await startNodeProgram(t, 'held-connection', dialled, network.client.name);
          const { source, seeded } = await openSource(kind, { procRoot: '/proc' });
          t.after(() => source.close());
          await seeded;
          assert.deepEqual(
            await edgesFrom(new WatchedSource(source), `;${network.clientAddress};${firstLine}`),
            [`;${network.serverAddress};${SERVER_PORT}`],
          );
          const { networkNamespacesWithoutProcess = 0 } = source.counters();
          assert.ok(networkNamespacesWithoutProcess >= 1);
        },
      );
    }
  }
}

test(
  'a namespace that comes while the probe runs is found, and let go of when it is deleted',
  { skip: rootSkip },
  async (t) => {
    const listing = new NamespaceListing('/proc');
    await listing.renew();
    const netns = createNamespace(t);
    const has = (found: readonly { inode: number }[]): boolean =>
      found.some(({ inode }) => inode === netns.inode);
    assert.ok(has(await listing.renew()));
    deleteNamespace(netns);
    assert.ok(!has(await listing.renew()));
  },
);

test('the kernel counts connections in a namespace without a process', { skip: rootSkip }, async (t) => {
  const netns = createNamespace(t);
  await startProgram(t, ['python3', '-c', SOCKET, `/run/netns/${netns.name}`]);
  const namespaces = await findNamespaces('/proc');
  assert.equal(namespaces.find(({ inode }) => inode === netns.inode)?.pid, 0);
  const counts = await readKernelCounts('/proc', namespaces);
  assert.deepEqual(counts.get(netns.inode), { active: 1, passive: 1, established: 2 });
});

test('other things in those folders are no network namespaces', { skip: rootSkip }, async (t) => {
  const name = `tp-test-no-${process.pid}`;
  const file = `/run/netns/${name}`;
  createNamespace(t); // makes the folder
  writeFileSync(file, '');
  t.after(() => {
    rmSync(file);
  });
  const paths = (await findNamespaces('/proc')).map(({ path }) => path);
  assert.ok(!paths.includes(file));
  execFileSync('mount', ['--bind', '/proc/self/ns/uts', file]);
  try {
    assert.ok(!(await findNamespaces('/proc')).some(({ path }) => path === file));
  } finally {
    execFileSync('umount', [file]);
  }
});
