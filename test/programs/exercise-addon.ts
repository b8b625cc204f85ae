/**
 * Loads the addon at a given path and works it hard: load, scan, snapshots under traffic, close, misuse. Run under
 * sanitizers it shows memory errors; run many times over it shows leaks. Arguments: addon path, rounds.
 * Prints "descriptors before after".
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import type { Feature, Tracker, TrackerOptions } from 'ebpf-bridge/ebpf';

interface NetlinkBatch {
  readonly data: ArrayBuffer;
  readonly drained: boolean;
}

/** The addon below its JavaScript face. */
interface Addon {
  probeFeatures(): Promise<Feature[]>;
  openNetlink(options: object): Promise<object>;
  sendNetlink(socket: object, request: Uint8Array): Promise<void>;
  receiveNetlink(socket: object, maxBytes: number): Promise<NetlinkBatch>;
  readyNetlink(sockets: readonly object[]): Promise<boolean[]>;
  closeNetlink(socket: object): Promise<void>;
  netNamespaces(search: object): Promise<{ namespaces: { path: string }[]; leftOut: number }>;
  readInNamespaces(paths: string[], name: string): Promise<string[]>;
  readFiles(paths: string, maxBytes: number): Promise<{ data: ArrayBuffer; lengths: Int32Array }>;
  countEntries(folders: string, sizeIsCount: boolean): Promise<Int32Array>;
  loadTracker(options: Required<TrackerOptions>): Promise<Tracker>;
}

const [path = '', rounds = '1'] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path) as Addon;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function traffic(connections: number): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  for (let i = 0; i < connections; i++) {
    const socket = connect(address.port, '127.0.0.1');
    socket.end('hello');
    socket.resume();
    await once(socket, 'close');
  }
  server.close();
  await once(server, 'close');
}

/** @param bound of connections in detail: a small one has the group of all others at work */
async function round(withTraffic: boolean, bound: number): Promise<void> {
  const tracker = await addon.loadTracker({
    ringBytes: 65_536,
    maxConnections: bound,
    maxConnectionsPerNetns: bound,
    scanShare: 1 / 200,
    cheapScanNanos: 0,
    procRoot: '/proc',
    without: [],
  });
  await tracker.sweepAdopt();
  await tracker.sweepHolders();
  if (withTraffic) {
    await tracker.snapshot(); // from here on the bound on what the kernel stores holds
    await traffic(50);
  }
  const [first, second] = await Promise.all([tracker.snapshot({ changesOnly: true }), tracker.snapshot()]);
  assert.ok(first.recordCount >= 0 && second.recordCount >= 0);
  await traffic(3);
  assert.ok((await tracker.snapshot({ changesOnly: true })).recordCount >= 0);
  await tracker.counters();
  await Promise.all([tracker.close(), tracker.close()]);
  await assert.rejects(tracker.snapshot(), /after it was closed/);
}

/** Lists sockets by netlink: from this namespace and as if it were another, with a buffer that is too small at first. */
async function netlinkRound(): Promise<void> {
  const search = { procRoot: '/proc', known: [], mountTables: true, openFiles: true, maxNamespaces: 1000 };
  const { namespaces } = await addon.netNamespaces(search);
  assert.ok(namespaces.length > 0);
  assert.equal(
    (await addon.netNamespaces({ ...search, known: namespaces, maxNamespaces: 1 })).namespaces.length,
    1,
  );
  await assert.rejects(addon.netNamespaces({ ...search, procRoot: '/absent' }), /could not list/);
  const [own, absent] = await addon.readInNamespaces([namespaces[0]!.path, '/absent'], 'snmp');
  assert.match(own!, /^Tcp: /m);
  assert.equal(absent, '');
  for (const netnsPath of ['', '/proc/self/ns/net']) {
    const options = { protocol: 4, groups: [], receiveBytes: 65_536, filter: new Uint8Array(0), netnsPath };
    const socket = await addon.openNetlink(options);
    const request = new Uint8Array(72);
    new DataView(request.buffer).setUint32(0, 72, true);
    request.set([20, 0, 1, 3], 4);
    request.set([2, 6, 0, 0, 0xff, 0xff], 16);
    await addon.sendNetlink(socket, request);
    assert.deepEqual(await addon.readyNetlink([socket]), [true]);
    assert.equal((await addon.receiveNetlink(socket, 1024)).data.byteLength, 0);
    const batches = await Promise.all([1, 2].map(() => addon.receiveNetlink(socket, 1 << 20)));
    assert.ok(batches.some(({ data }) => data.byteLength > 0));
    await Promise.all([addon.closeNetlink(socket), addon.closeNetlink(socket)]);
    await assert.rejects(addon.receiveNetlink(socket, 1 << 20), /after it was closed/);
  }
  const broken = { protocol: 4, groups: [], receiveBytes: 0, filter: new Uint8Array(8).fill(0xff) };
  await assert.rejects(addon.openNetlink({ ...broken, netnsPath: '' }), /attach a filter/);
  await assert.rejects(addon.openNetlink({ ...broken, netnsPath: '/dev/null' }), /network namespace/);
}

/** Files that are cut off, empty, no files at all. */
async function filesRound(): Promise<void> {
  const paths = ['/proc/self/stat', '/dev/null', '/absent', '/proc', '/proc/self/limits'].join('\0');
  const { data, lengths } = await addon.readFiles(paths, 7);
  assert.deepEqual([...lengths], [7, 0, -1, -1, 7]);
  assert.equal(data.byteLength, 14);
  assert.deepEqual([...(await addon.readFiles('', 7)).lengths], [-1]);
  const folders = ['/absent', '/proc/self/fd'].join('\0');
  for (const sizeIsCount of [true, false]) {
    const [absent, descriptors = 0] = await addon.countEntries(folders, sizeIsCount);
    assert.equal(absent, -1);
    assert.ok(sizeIsCount || descriptors > 0);
  }
}

await addon.probeFeatures();
await filesRound();
await netlinkRound();
await round(true, 100);
await round(true, 10);
const before = descriptors();
for (let i = 0; i < Number(rounds); i++) {
  await round(i % 10 === 0, i % 20 === 0 ? 10 : 100);
  await netlinkRound();
  await filesRound();
}
process.stdout.write(`descriptors ${before} ${descriptors()}\n`);
