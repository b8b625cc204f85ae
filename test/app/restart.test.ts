/** An app that is killed and started again shows the whole picture as soon as the probes have reported to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram, type Program } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { spawn } from 'node:child_process';

const HOSTS = ['restart-a', 'restart-b'];
const INTERVALS_MAX = 2;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function startApp(t: TestContext, port: number): Promise<Program> {
  return startProgram(t, [
    ...[process.execPath, TOPOPROBE, 'app', '--listen', `127.0.0.1:${port}`],
    ...['--log-level', 'silent', '--views', 'newest'],
  ]);
}

/** A real probe of this machine under the name of another. */
function startProbe(t: TestContext, hostname: string, url: string): void {
  const child = spawn(
    process.execPath,
    [
      ...[TOPOPROBE, 'probe', url, '--hostname', hostname, '--source', 'proc', '--publish-interval', '2s'],
      ...['--metrics-listen', 'off', '--log-level', 'silent'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  t.after(async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  });
}

/** A connection of this process to itself that stays open. */
async function holdConnection(t: TestContext): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await accepted) as [{ destroy(): void }];
  t.after(() => {
    client.destroy();
    peer.destroy();
    server.close();
  });
}

async function getJson(url: string, path: string): Promise<unknown> {
  return (await fetch(url + path)).json();
}

/** Whether both machines are shown, and on each this process's connection to itself. */
async function isWhole(url: string): Promise<boolean> {
  const { nodes } = (await getJson(url, '/api/topology/processes?unconnected=show')) as {
    nodes: Record<string, { adjacency?: string[] }>;
  };
  const hosts = (await getJson(url, '/api/topology/hosts')) as { nodes: object };
  return HOSTS.every((host) => {
    const id = `${host};${process.pid}`;
    return `${host};<host>` in hosts.nodes && nodes[id]?.adjacency?.includes(id) === true;
  });
}

async function untilWhole(url: string): Promise<void> {
  while (!(await isWhole(url))) await sleep(50);
}

test(
  'after kill -9 the picture is whole again with the first two reports of each probe',
  { timeout: 120_000 },
  async (t) => {
    await holdConnection(t);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const first = await startApp(t, port);
    for (const host of HOSTS) startProbe(t, host, url);
    await untilWhole(url);

    const ended = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await ended;
    await assert.rejects(fetch(url));
    await startApp(t, port);
    await untilWhole(url);
    const { probes } = (await getJson(url, '/api/v1/probes')) as {
      probes: { hostname: string; reports: number }[];
    };
    assert.deepEqual(probes.map(({ hostname }) => hostname).sort(), HOSTS);
    for (const { hostname, reports } of probes)
      assert.ok(reports <= INTERVALS_MAX, `${hostname} has sent ${reports} reports`);
  },
);
