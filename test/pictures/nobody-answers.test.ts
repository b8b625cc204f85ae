/**
 * Addresses that are dialled in vain are nodes with red edges in every view and on the page, for as long as anybody dials
 * them. The whole product, real processes; the kernel refuses, drops and finds no way.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { freePort } from '../support/free-port.js';
import { createNamespace, joinNamespaces, type Namespace } from '../support/namespace.js';
import { programPath, startProgram, type Program } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { ebpfSkip } from '../ebpf/requirements.js';
import { openPage } from '../web/browser.js';

const DEADLINE_MS = 60_000;
const VIEWS = ['processes', 'processes-by-name', 'hosts'] as const;

interface Summary {
  readonly label: string;
  readonly labelMinor: string;
  readonly adjacency?: readonly string[];
  readonly failing?: readonly string[];
}

interface EdgeRow {
  readonly from: string;
  readonly toLabel: string;
  readonly connections: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** The product with a report every second and a short memory; its URL. */
async function startUp(t: TestContext): Promise<string> {
  const options = ['--listen', '127.0.0.1:0', '--publish-interval', '1s', '--window', '4s'];
  const up = await startProgram(t, [process.execPath, TOPOPROBE, 'up', ...options]);
  const url = /^Dashboard: (http:\S+)$/.exec(up.firstLine)?.[1];
  assert.ok(url !== undefined, up.firstLine);
  return url;
}

/** A program of test/programs under a name of its own. */
async function startNamed(
  t: TestContext,
  name: string,
  program: string,
  args: readonly (string | number)[],
  netns?: Namespace,
): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'topoprobe-named-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(process.execPath, join(folder, name));
  const within = netns === undefined ? [] : ['ip', 'netns', 'exec', netns.name];
  return startProgram(t, [...within, join(folder, name), programPath(program), ...args.map(String)]);
}

async function until<Found>(what: string, find: () => Promise<Found | undefined>): Promise<Found> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    assert.ok(performance.now() < end, `waited for ${what} in vain`);
    await sleep(200);
  }
}

async function nodesOf(url: string, view: string): Promise<Readonly<Record<string, Summary>>> {
  const response = await fetch(new URL(`/api/topology/${view}?unconnected=show`, url));
  return ((await response.json()) as { nodes: Record<string, Summary> }).nodes;
}

/** The node of an address, once some node fails to reach it in this view. */
function unanswered(url: string, view: string, label: string): Promise<Summary & { readonly id: string }> {
  return until(`a red edge to ${label} in ${view}`, async () => {
    const nodes = await nodesOf(url, view);
    const [id, node] = Object.entries(nodes).find(([, summary]) => summary.label === label) ?? [];
    if (id === undefined || node === undefined) return undefined;
    const isFailing = Object.values(nodes).some(({ failing = [] }) => failing.includes(id));
    return isFailing ? { ...node, id } : undefined;
  });
}

async function edgesOf(url: string, view: string): Promise<readonly EdgeRow[]> {
  const response = await fetch(new URL(`/api/v1/edges?view=${view}`, url));
  return ((await response.json()) as { edges: EdgeRow[] }).edges;
}

async function lastReport(url: string): Promise<string> {
  const response = await fetch(new URL('/api/v1/probes', url));
  return ((await response.json()) as { probes: { lastSeen: string }[] }).probes[0]?.lastSeen ?? '';
}

async function isGone(url: string, label: string): Promise<boolean> {
  for (const view of VIEWS)
    if (Object.values(await nodesOf(url, view)).some((node) => node.label === label)) return false;
  return true;
}

test(
  'a server that dies stays, by address and name, until nobody dials it',
  { skip: ebpfSkip },
  async (t) => {
    const url = await startUp(t);
    const server = await startNamed(t, 'tp-mydb', 'echo-server', []);
    const label = `127.0.0.1:${server.firstLine}`;
    const client = await startNamed(t, 'tp-myapp', 'persistent-client', ['127.0.0.1', server.firstLine]);
    await until('the edge between both', async () => {
      const edges = await edgesOf(url, 'processes');
      return edges.find(({ from, toLabel }) => from.endsWith(`;${client.pid}`) && toLabel === 'tp-mydb');
    });
    server.child.kill('SIGKILL');
    for (const view of VIEWS) {
      const { labelMinor } = await unanswered(url, view, label);
      assert.match(labelMinor, /nobody listens, last: tp-mydb$/);
    }
    const edge = (await edgesOf(url, 'processes-by-name')).find(({ toLabel }) => toLabel === label);
    assert.equal(edge?.connections, 0);
    assert.ok(edge.failed > 0);
    assert.deepEqual(Object.keys(edge.failures), ['refused']);

    const { page } = await openPage(t, url);
    for (const view of ['Processes', 'By name', 'Hosts']) {
      await page.getByRole('button', { name: view }).click();
      const row = page.locator('tr.failing[data-edge-to^="pseudo:unanswered:"]', { hasText: label });
      await row.waitFor({ timeout: DEADLINE_MS });
    }
    client.child.kill('SIGKILL');
    await until('nobody dials it', async () => ((await isGone(url, label)) ? true : undefined));
  },
);

test('a listener that nobody ever reached is remembered by its name, too', { skip: ebpfSkip }, async (t) => {
  const url = await startUp(t);
  const [a, b] = [createNamespace(t), createNamespace(t)];
  const net = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  joinNamespaces(a, `${net}.1/24`, b, `${net}.2/24`);
  const server = await startNamed(t, 'tp-quiet', 'echo-server', ['0.0.0.0'], b);
  await until('the listener is known', async () => {
    const nodes = await nodesOf(url, 'processes');
    return Object.values(nodes).find(({ label }) => label === 'tp-quiet');
  });
  // Once more since the process was first listed: that batch has its listener.
  const heard = await lastReport(url);
  await until('another report', async () => ((await lastReport(url)) > heard ? true : undefined));
  server.child.kill('SIGKILL');
  await startNamed(t, 'tp-late', 'persistent-client', [`${net}.2`, server.firstLine], a);
  const { labelMinor } = await unanswered(url, 'processes', `${net}.2:${server.firstLine}`);
  assert.match(labelMinor, /^nobody listens, last: tp-quiet$/);
});

for (const [family, address, host] of [
  ['IPv4', '127.0.0.1', '127.0.0.1'],
  ['IPv6', '::1', '[::1]'],
] as const) {
  test(`a port that never had a listener appears, over ${family}`, { skip: ebpfSkip }, async (t) => {
    const url = await startUp(t);
    const port = await freePort();
    await startNamed(t, 'tp-hopeful', 'persistent-client', [address, port]);
    for (const view of VIEWS) {
      const { labelMinor } = await unanswered(url, view, `${host}:${port}`);
      assert.match(labelMinor, /nobody listens$/);
    }
  });
}

for (const [what, timeoutMs] of [
  ['waits', 0],
  ['gives up early', 700],
] as const) {
  test(`what drops everything is a node while its client ${what}`, { skip: ebpfSkip }, async (t) => {
    const url = await startUp(t);
    const [a, b] = [createNamespace(t), createNamespace(t)];
    const net = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
    joinNamespaces(a, `${net}.1/24`, b, `${net}.2/24`);
    execFileSync('ip', ['netns', 'exec', b.name, 'iptables', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP']);
    await startNamed(t, 'tp-patient', 'persistent-client', [`${net}.2`, 5432, timeoutMs], a);
    for (const view of VIEWS) {
      const { labelMinor } = await unanswered(url, view, `${net}.2:5432`);
      assert.equal(labelMinor, 'no answer');
    }
  });
}

test('an address without a machine is unreachable', { skip: ebpfSkip }, async (t) => {
  const url = await startUp(t);
  const [a, b] = [createNamespace(t), createNamespace(t)];
  const net = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  joinNamespaces(a, `${net}.1/24`, b, `${net}.2/24`);
  await startNamed(t, 'tp-lost', 'persistent-client', [`${net}.77`, 80], a);
  await until('it is unreachable', async () => {
    const { labelMinor } = await unanswered(url, 'processes', `${net}.77:80`);
    return labelMinor === 'unreachable' ? true : undefined;
  });
});
