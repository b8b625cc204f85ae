/**
 * Beside Weave Scope itself: what its probe and ours send for the same machine and the same connections, as bytes and as
 * CPU of the whole process. TOPOPROBE_SCOPE is the path of Scope's binary; without it there is nothing to compare with.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { decodeReport } from '../../src/report/index.js';
import { cpuSeconds, anonymousMib } from '../process-usage.js';

const CONNECTIONS = 500;
const WARM_UP_MS = 8000;
const MEASURED_MS = 27_000;
const TOPOPROBE = fileURLToPath(new URL('../../../bin/topoprobe', import.meta.url));

interface Received {
  readonly bytes: number;
  readonly bytesInflated: number;
  /** Kept connections. */
  readonly edges: number;
}

/** Takes what a probe sends. */
async function startReceiver(): Promise<{ host: string; received: Received[]; close(): void }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST' && request.url?.startsWith('/api/report')) received.push(measure(chunks));
      const about = { id: 'bench', version: '1', hostname: 'bench', capabilities: {}, plugins: [] };
      response.end(request.method === 'GET' ? JSON.stringify(about) : '');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function measure(chunks: readonly Buffer[]): Received {
  const body = Buffer.concat(chunks);
  const isZipped = body[0] === 0x1f && body[1] === 0x8b;
  const inflated = isZipped ? gunzipSync(body) : body;
  const { topologies } = decodeReport(inflated);
  let edges = 0;
  for (const { adjacency = [] } of topologies.get('Endpoint')?.nodes.values() ?? [])
    edges += adjacency.length;
  return { bytes: body.length, bytesInflated: inflated.length, edges };
}

/** Held connections to as many listeners, so that no probe thins them. */
async function holdConnections(): Promise<() => void> {
  const servers = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const server = createTcpServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const sockets: Socket[] = servers.map((server) =>
    connect((server.address() as AddressInfo).port, '127.0.0.1'),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  };
}

async function run(name: string, command: (host: string) => readonly string[]): Promise<void> {
  const receiver = await startReceiver();
  const [file = '', ...args] = command(receiver.host);
  const child: ChildProcess = spawn(file, args, { stdio: 'ignore' });
  try {
    await sleep(WARM_UP_MS);
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`${file} ended at once`);
    const before = cpuSeconds(child.pid);
    const first = receiver.received.length;
    await sleep(MEASURED_MS);
    const cpu = cpuSeconds(child.pid) - before;
    const reports = receiver.received.slice(first);
    // Means and maxima: both send whole reports now and then, and what changed in between.
    const mean = (of: (one: Received) => number): number =>
      reports.reduce((sum, one) => sum + of(one), 0) / reports.length;
    const edges = Math.max(...reports.map((one) => one.edges));
    const bytes = mean((one) => one.bytes);
    console.log(
      [
        name.padEnd(16),
        `${reports.length} reports`,
        `${edges} edges at most`,
        `${mean((one) => one.bytesInflated).toFixed(0)} B a report`,
        `gzip ${bytes.toFixed(0)} B`,
        `${(bytes / edges).toFixed(1)} B per kept connection`,
        `CPU ${((cpu / MEASURED_MS) * 1e5).toFixed(2)} %`,
        `RSS ${anonymousMib(child.pid).toFixed(0)} MiB`,
      ].join('   '),
    );
  } finally {
    const exited = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await exited;
    receiver.close();
  }
}

const scope = process.env['TOPOPROBE_SCOPE'] ?? '';
if (scope === '') {
  console.log("skipped: TOPOPROBE_SCOPE does not name Scope's binary");
} else {
  const release = await holdConnections();
  const quiet = ['--no-dns', '--metrics-listen', 'off', '--log-level', 'error'];
  await run('topoprobe', (host) => [TOPOPROBE, 'probe', host, ...quiet]);
  await run('Scope', (host) => [scope, '--mode=probe', '--probe.docker=false', '--probe.resolver=', host]);
  release();
}
