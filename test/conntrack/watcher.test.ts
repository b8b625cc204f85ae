/** Flows of every namespace are known as namespaces and flows come and go, within bounds, and what is lost is made up for. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ConntrackWatcher, type WatcherOptions } from '../../src/probe/connections/conntrack/index.js';
import { FLOW_BYTES, FLOW_OFFSET, type FlowBatch } from '../../src/probe/topology/nat-flow.js';
import { createNamespace, type Namespace } from '../support/namespace.js';
import { programPath, startNodeProgram, startProgram } from '../support/program.js';
import { tuplesOf } from './flow-text.js';
import { connectOver, createNatNetwork, occupy, rootSkip, ROUTES, trackConnections } from './nat-network.js';

function open(t: TestContext, options: Partial<WatcherOptions> = {}): ConntrackWatcher {
  const watcher = new ConntrackWatcher({ wanted: 'nat', ...options });
  t.after(() => watcher.close());
  return watcher;
}

/** The flows of one namespace: other tests run beside this one. */
function flowsIn({ flows, flowCount }: FlowBatch, netns: Namespace): string[] {
  const found: string[] = [];
  for (let at = 0; at < flowCount * FLOW_BYTES; at += FLOW_BYTES) {
    if (new DataView(flows).getUint32(at + FLOW_OFFSET.netns, true) !== netns.inode) continue;
    const addresses = new Uint8Array(flows, at, 64);
    const ports = new Uint16Array(flows, at + FLOW_OFFSET.originalSourcePort, 4);
    found.push(tuplesOf({ addresses, ports }));
  }
  return found.sort();
}

const DNAT = ROUTES[0]!;

for (const [name, textOnly] of [
  ['netlink', false],
  ['text', true],
] as const) {
  test(`${name}: a flow older than the watcher is known`, { skip: rootSkip }, async (t) => {
    const { router, clientAddress, clientPort, nearAddress } = await connectOver(t, DNAT);
    const { flows } = await open(t, { textOnly }).refresh();
    const [flow, ...others] = flowsIn(flows, router);
    assert.deepEqual(others, []);
    assert.ok(flow?.startsWith(`${clientAddress} ${clientPort} > ${nearAddress} 80 |`), flow);
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

test('a namespace whose processes have gone is let go: it can be removed', { skip: rootSkip }, async (t) => {
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
  execFileSync('ip', ['netns', 'delete', netns.name]);
  t.after(() => undefined);
  while (existsSync(`/sys/class/net/${link}`)) await new Promise((resolve) => setTimeout(resolve, 20));
  execFileSync('ip', ['netns', 'add', netns.name]); // the helper removes it again
});

test('an ordinary user is told why there is none, once, with a code', { skip: rootSkip }, async () => {
  const child = spawn(process.execPath, [programPath('conntrack-refusal')], {
    uid: 65534,
    gid: 65534,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  await once(child, 'close');
  const { code, message, flows, counters } = JSON.parse(Buffer.concat(output).toString()) as {
    code: string;
    message: string;
    flows: number;
    counters: Record<string, number>;
  };
  assert.equal(code, 'NO_PERMISSION');
  assert.match(message, /CAP_NET_ADMIN/);
  assert.doesNotMatch(message, /\n/);
  assert.deepEqual([flows, counters['conntrackNamespaces']], [0, 0]);
});

test('without a proc file system it is off', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'no-proc-'));
  t.after(() => {
    rmSync(empty, { recursive: true });
  });
  const watcher = open(t, { procRoot: join(empty, 'absent') });
  assert.equal((await watcher.refresh()).flows.flowCount, 0);
  assert.equal(watcher.unavailable?.code, 'NOT_LOADED');
});

test('after close there is no news, and closing again does nothing', async () => {
  const watcher = new ConntrackWatcher({ wanted: 'nat' });
  await watcher.refresh();
  await Promise.all([watcher.close(), watcher.close()]);
  assert.equal((await watcher.refresh()).flows.flowCount, 0);
  assert.equal(watcher.counters()['conntrackNamespaces'], 0);
});
