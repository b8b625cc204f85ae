/** An app that is killed and started again shows the whole picture as soon as the probes have reported to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../../bench/app/fleet.js';
import { encodeReport, fromMillis } from '../../src/report/index.js';
import { freePort } from '../support/free-port.js';
import { startProgram, type Program } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { spawn } from 'node:child_process';

const HOSTS = ['restart-a', 'restart-b'];

function startApp(t: TestContext, port: number): Promise<Program> {
  return startProgram(t, [
    ...[process.execPath, TOPOPROBE, 'app', '--listen', `127.0.0.1:${port}`],
    ...['--log-level', 'silent', '--views', 'newest', '--window', '60s'],
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

/** Machines that are shown, each with this process's connection to itself. */
async function wholeHosts(url: string): Promise<string[]> {
  const { nodes } = (await getJson(url, '/api/topology/processes?unconnected=show')) as {
    nodes: Record<string, { adjacency?: string[] }>;
  };
  const hosts = (await getJson(url, '/api/topology/hosts')) as { nodes: object };
  return HOSTS.filter((host) => {
    const id = `${host};${process.pid}`;
    return `${host};<host>` in hosts.nodes && nodes[id]?.adjacency?.includes(id) === true;
  });
}

/** Reports of the probe that has sent the fewest. */
async function fewestReports(url: string): Promise<number> {
  const { probes } = (await getJson(url, '/api/v1/probes')) as { probes: { reports: number }[] };
  return probes.length < HOSTS.length ? 0 : Math.min(...probes.map(({ reports }) => reports));
}

async function untilReported(url: string, times: number): Promise<void> {
  while ((await fewestReports(url)) < times) await sleep(50);
}

async function kill({ child }: Program): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test(
  'an app that was killed and started anew has the whole picture with the second report of every real probe',
  { timeout: 120_000 },
  async (t) => {
    await holdConnection(t);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const first = await startApp(t, port);
    for (const host of HOSTS) startProbe(t, host, url);
    await untilReported(url, 4);
    assert.deepEqual(await wholeHosts(url), HOSTS);

    await kill(first);
    await assert.rejects(fetch(url));
    await startApp(t, port);
    await untilReported(url, 2);
    assert.deepEqual(await wholeHosts(url), HOSTS);
  },
);

test(
  'after kill -9 one report of each probe makes the picture what it was, edge by edge',
  { timeout: 120_000 },
  async (t) => {
    const fleet = new Fleet({ hosts: 20, services: 10, podsPerService: 10, endpointsPerHost: 200, seed: 7 });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const truth = Array.from(fleet.truth().processes).sort();
    const reportAll = async (): Promise<void> => {
      for (let host = 0; host < fleet.hostCount; host++) {
        const answer = await fetch(`${url}/api/report`, {
          method: 'POST',
          body: Buffer.from(encodeReport(fleet.report(host, fromMillis(Date.now())))),
          headers: { 'content-type': 'application/msgpack', 'x-scope-probe-id': `probe-${host}` },
        });
        assert.equal(answer.status, 200);
      }
    };
    const edges = async (): Promise<[string, number][]> => {
      const answer = (await getJson(url, '/api/v1/edges?unconnected=show&limit=100000')) as {
        edges: { from: string; to: string; connections: number }[];
      };
      return answer.edges
        .map(({ from, to, connections }): [string, number] => [`${from}>${to}`, connections])
        .sort();
    };
    const first = await startApp(t, port);
    await reportAll();
    assert.deepEqual(await edges(), truth);
    await kill(first);
    await startApp(t, port);
    assert.deepEqual(await edges(), []);
    await reportAll();
    assert.deepEqual(await edges(), truth);
  },
);
