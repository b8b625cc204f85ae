/** Flows of every namespace are known as namespaces and flows come and go, within bounds, and what is lost is made up for. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ConntrackMonitor, type MonitorOptions } from '../../src/probe/conntrack/index.js';
import { reportToJson } from '../../src/report/index.js';
import { startApp } from '../publish/recording-app.js';
import { until } from '../publish/shipping.js';
import { edgesTo, type JsonReport } from '../support/edges.js';
import { createNamespace } from '../support/namespace.js';
import { programPath, startNodeProgram, startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { flowsIn } from './flow-text.js';
import { connectOver, createNatNetwork, occupy, rootSkip, ROUTES, trackConnections } from './nat-network.js';

function open(t: TestContext, options: Partial<MonitorOptions> = {}): ConntrackMonitor {
  const watcher = new ConntrackMonitor({ wanted: 'nat', ...options });
  t.after(() => watcher.close());
  return watcher;
}

const DNAT = ROUTES[0]!;

/**
 * Runs the rest of a command in a process to which the kernel refuses netfilter's sockets, as one does that has no
 * netfilter: by a seccomp filter that lets all else through.
 */
const WITHOUT_NETFILTER = [
  'python3',
  '-c',
  `
import ctypes, os, struct, sys
SOCKET = {'x86_64': 41, 'aarch64': 198}[os.uname().machine]
NETFILTER, EPROTONOSUPPORT = 12, 93
LOAD, IF_EQUAL, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7fff0000, 0x50000
program = b''.join(struct.pack('HBBI', *step) for step in [
    (LOAD, 0, 0, 0), (IF_EQUAL, 0, 5, SOCKET),
    (LOAD, 0, 0, 16), (IF_EQUAL, 0, 3, 16),
    (LOAD, 0, 0, 32), (IF_EQUAL, 0, 1, NETFILTER),
    (RETURN, 0, 0, ERRNO | EPROTONOSUPPORT), (RETURN, 0, 0, ALLOW)])
steps = ctypes.create_string_buffer(program, len(program))
fprog = struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(steps))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER, fprog): sys.exit('no seccomp')
os.execv(sys.argv[1], sys.argv[1:])`,
];

for (const [name, textOnly] of [
  ['netlink', false],
  ['text', true],
] as const) {
  test(`${name}: a flow older than the watcher is known`, { skip: rootSkip }, async (t) => {
    const { router, clientAddress, clientPort, nearAddress } = await connectOver(t, DNAT);
    const { flows } = await open(t, { textOnly }).refresh();
    const [flow, ...others] = flowsIn(flows, router);
    assert.deepEqual(others, []);
    assert.ok(flow?.startsWith(`${clientAddress} ${clientPort} > ${nearAddress} 80 |`), String(flow));
  });

  test(`${name}: namespaces and flows that come later are found`, { skip: rootSkip }, async (t) => {
    const watcher = open(t, { textOnly });
    await watcher.refresh();
    const { router } = await connectOver(t, DNAT);
    assert.equal(flowsIn((await watcher.refresh()).flows, router).length, 1);
  });
}

test(
  'a flow that ends between two refreshes is still known, and later forgotten',
  { skip: rootSkip },
  async (t) => {
    const network = createNatNetwork(t);
    const [dialled, port] = DNAT.prepare(network);
    await occupy(t, network.router);
    const watcher = open(t);
    await watcher.refresh();
    await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
    await startNodeProgram(t, 'short-connections', [dialled, port, 3], network.client.name);
    execFileSync('ip', ['netns', 'exec', network.router.name, 'conntrack', '-F'], { stdio: 'pipe' });
    assert.equal(flowsIn((await watcher.refresh()).flows, network.router).length, 3);
    await watcher.refresh();
    await watcher.refresh();
    assert.deepEqual(flowsIn((await watcher.refresh()).flows, network.router), []);
  },
);

test('flows without NAT are kept only when all are wanted', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  trackConnections(network.router);
  await occupy(t, network.router);
  const [nat, all] = [open(t), open(t, { wanted: 'all' })];
  await Promise.all([nat.refresh(), all.refresh()]);
  await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
  await startNodeProgram(t, 'short-connections', [network.serverAddress, 8080, 4], network.client.name);
  assert.deepEqual(flowsIn((await nat.refresh()).flows, network.router), []);
  const { flows, born } = await all.refresh();
  assert.equal(flowsIn(flows, network.router).length, 4);
  assert.deepEqual(flowsIn(born, network.router), flowsIn(flows, network.router));
  assert.deepEqual(flowsIn((await all.refresh()).born, network.router), []);
});

test('a refused connect is no flow when established ones are wanted', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  trackConnections(network.router);
  await occupy(t, network.router);
  const watcher = open(t, { wanted: 'all' });
  await watcher.refresh();
  const refused = `import socket
try: socket.create_connection(('${network.serverAddress}', 8080))
except ConnectionRefusedError: print('refused', flush=True)`;
  await startProgram(t, ['ip', 'netns', 'exec', network.client.name, 'python3', '-c', refused]).catch(
    (error: unknown) => {
      // It may be gone before its line is read.
      assert.match(String(error), /ended early/);
    },
  );
  assert.deepEqual(flowsIn((await watcher.refresh()).flows, network.router), []);
});

test('lost events are counted, and a dump makes up for them', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  const [dialled, port] = DNAT.prepare(network);
  await occupy(t, network.router);
  const watcher = open(t, { eventBufferBytes: 4096 });
  await watcher.refresh();
  const dumps = watcher.counters()['conntrackDumps'] ?? 0;
  await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
  await startNodeProgram(t, 'short-connections', [dialled, port, 50], network.client.name);
  assert.equal(flowsIn((await watcher.refresh()).flows, network.router).length, 50);
  assert.ok((watcher.counters()['conntrackOverruns'] ?? 0) > 0);
  assert.ok((watcher.counters()['conntrackDumps'] ?? 0) > dumps);
});

test('flows and namespaces beyond the bounds are counted', { skip: rootSkip }, async (t) => {
  const network = createNatNetwork(t);
  const [dialled, port] = DNAT.prepare(network);
  await occupy(t, network.router);
  const watcher = open(t, { maxFlows: 2 });
  await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
  await startNodeProgram(t, 'short-connections', [dialled, port, 5], network.client.name);
  assert.equal((await watcher.refresh()).flows.flowCount, 2);
  assert.ok((watcher.counters()['conntrackDroppedFlows'] ?? 0) >= 3);

  const narrow = open(t, { maxNamespaces: 1 });
  await narrow.refresh();
  assert.equal(narrow.counters()['conntrackNamespaces'], 1);
  assert.ok((narrow.counters()['conntrackSkippedNamespaces'] ?? 0) >= 1);
});

test(
  'a namespace that nothing keeps any more is let go: it can be removed',
  { skip: rootSkip },
  async (t) => {
    const netns = createNamespace(t);
    const link = `tp${netns.inode.toString(36)}`.slice(0, 15);
    // The other end of this link lives as long as the namespace does.
    const add = ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'inside', 'netns', netns.name];
    execFileSync('ip', ['-n', netns.name, 'link', 'set', 'lo', 'up']);
    execFileSync('ip', add);
    t.after(() => spawn('ip', ['link', 'delete', link], { stdio: 'ignore' }));
    const process = await occupy(t, netns);
    const watcher = open(t);
    await watcher.refresh();
    process.child.kill('SIGKILL');
    await once(process.child, 'exit');
    await watcher.refresh();
    assert.ok(existsSync(`/sys/class/net/${link}`), 'its name keeps it, and it is watched on');
    execFileSync('ip', ['netns', 'delete', netns.name]);
    await watcher.refresh();
    while (existsSync(`/sys/class/net/${link}`)) await new Promise((resolve) => setTimeout(resolve, 20));
    execFileSync('ip', ['netns', 'add', netns.name]); // the helper removes it again
  },
);

test(
  'a namespace that tracks nothing is watched, and what it tracks later is known',
  { skip: rootSkip },
  async (t) => {
    const network = createNatNetwork(t);
    await occupy(t, network.router);
    const watcher = open(t);
    assert.deepEqual(flowsIn((await watcher.refresh()).flows, network.router), []);
    assert.equal(watcher.unavailable, undefined);
    assert.equal(watcher.counters()['conntrackUnreadableNamespaces'], 0);
    // The kernel has not tracked anything there so far: this rule makes it begin.
    const [dialled, port] = DNAT.prepare(network);
    await startNodeProgram(t, 'echo-server', [network.serverAddress, 8080], network.server.name);
    await startNodeProgram(t, 'held-connection', [dialled, port], network.client.name);
    assert.equal(flowsIn((await watcher.refresh()).flows, network.router).length, 1);
  },
);

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly flows: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** What comes of a watcher in a process that is started this way. */
async function refusalOf(
  command: readonly string[],
  options: { uid?: number; gid?: number } = {},
): Promise<Refusal> {
  const [file, ...args] = [...command, process.execPath, programPath('conntrack-refusal')];
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  await once(child, 'close');
  return JSON.parse(Buffer.concat(output).toString()) as Refusal;
}

test('an ordinary user is told why there is none, once, with a code', { skip: rootSkip }, async () => {
  const { code, message, flows, counters } = await refusalOf([], { uid: 65534, gid: 65534 });
  assert.equal(code, 'CONNTRACK_DENIED');
  assert.match(message, /CAP_NET_ADMIN/);
  assert.doesNotMatch(message, /\n/);
  assert.deepEqual([flows, counters['conntrackNamespaces']], [0, 0]);
  assert.ok((counters['conntrackUnreadableNamespaces'] ?? 0) > 0);
});

test(
  'where the kernel knows no netfilter netlink it is off, and says what to load',
  { skip: rootSkip },
  async () => {
    const { code, message, flows, counters } = await refusalOf(WITHOUT_NETFILTER);
    assert.equal(code, 'CONNTRACK_ABSENT');
    assert.match(message, /load nf_conntrack and nf_conntrack_netlink/);
    assert.doesNotMatch(message, /\n/);
    assert.deepEqual([flows, counters['conntrackNamespaces']], [0, 0]);
    assert.ok((counters['conntrackUnreadableNamespaces'] ?? 0) > 0);
  },
);

test('a probe without it says so once, and goes on', { skip: rootSkip }, async (t) => {
  const { pid, firstLine: port } = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', port]);
  const app = await startApp(t);
  const options = ['--source', 'proc', '--publish-interval', '200ms', '--metrics-listen', 'off'];
  const [file, ...args] = [...WITHOUT_NETFILTER, process.execPath, TOPOPROBE, 'probe', app.url.href];
  const probe = spawn(file, [...args, ...options], { stdio: ['ignore', 'inherit', 'pipe'] });
  const said: Buffer[] = [];
  probe.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const exited = once(probe, 'close');
  t.after(() => probe.kill('SIGKILL'));
  await until('reports', () => app.reports.length > 3);
  probe.kill('SIGTERM');
  await exited;
  const lines = Buffer.concat(said).toString().split('\n');
  const [warning = '', ...others] = lines.filter((line) => line.includes('NAT'));
  assert.match(warning, /NAT is not looked through: .*load nf_conntrack/);
  assert.deepEqual(others, []);
  const edges = app.reports.flatMap((report) =>
    edgesTo(JSON.parse(reportToJson(report)) as JsonReport, port).map(({ toPid }) => toPid),
  );
  assert.deepEqual([...new Set(edges)], [String(pid)]);
});

test('what can be read later is read later', { skip: rootSkip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'late-proc-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const { router } = await connectOver(t, DNAT);
  const procRoot = join(directory, 'proc');
  const watcher = open(t, { procRoot, wanted: 'all', refreshesPerDump: 3 });
  await watcher.refresh();
  assert.equal(watcher.unavailable?.code, 'CONNTRACK_ABSENT');
  symlinkSync('/proc', procRoot);
  const flows: string[][] = [];
  for (let i = 0; i < 3; i++) {
    const news = await watcher.refresh();
    flows.push(flowsIn(news.flows, router));
    assert.deepEqual(flowsIn(news.born, router), [], 'it is older than the watch');
  }
  assert.deepEqual(
    flows.map(({ length }) => length),
    [0, 0, 1],
  );
  assert.equal(watcher.unavailable, undefined);
});

test('without a proc file system it is off', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'no-proc-'));
  t.after(() => {
    rmSync(empty, { recursive: true });
  });
  const watcher = open(t, { procRoot: join(empty, 'absent') });
  assert.equal((await watcher.refresh()).flows.flowCount, 0);
  assert.equal(watcher.unavailable?.code, 'CONNTRACK_ABSENT');
});

test('after close there is no news, and closing again does nothing', async () => {
  const watcher = new ConntrackMonitor({ wanted: 'nat' });
  await watcher.refresh();
  await Promise.all([watcher.close(), watcher.close()]);
  assert.equal((await watcher.refresh()).flows.flowCount, 0);
  assert.equal(watcher.counters()['conntrackNamespaces'], 0);
});
