/**
 * A real nginx for one test, and the truth about it: its access log has a line for each request, with the worker that served it
 * and the number of the connection; its error log has the connections without a request; its status page has how many connections
 * it accepted.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { waitFor } from '../wait-for.js';
import { debianCommand } from './debian.js';
import { runIn, startReal, type Place, type RealProcess } from './real-process.js';

export interface NginxOptions {
  readonly listen: readonly string[];
  readonly workers?: number;
  /** Each worker has a listening socket of its own. */
  readonly isReusePort?: boolean;
  /** What its `server` block has besides. */
  readonly server?: string;
}

/** One connection that it accepted. */
export interface NginxConnection {
  readonly workerPid: number;
  readonly requests: number;
  /** Path of the first request; empty without one. */
  readonly path: string;
  /** Value of the query parameter `client` of the first request, which tells who asked; empty without one. */
  readonly client: string;
}

export interface Nginx {
  readonly process: RealProcess;
  /** In ascending order. */
  workerPids(): Promise<readonly number[]>;
  /** Connections that it has logged: those with an answered request, and those that ended without one. */
  connections(): readonly NginxConnection[];
  /** Connections that it has accepted from clients so far. */
  accepted(): Promise<number>;
  /** Waits until no client's connection is left, and answers all that it has logged: as many as it accepted. */
  connectionsInTheEnd(): Promise<readonly NginxConnection[]>;
  /** What it has logged as errors. */
  errors(): string;
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'] as const;

/** Starts it and waits until its workers serve. Its document is one line. */
export async function startNginx(t: TestContext, place: Place, options: NginxOptions): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'tp-nginx-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // Its workers serve as nobody in particular: as root they may read this.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, options));
  const nginx = await startReal(
    t,
    place,
    debianCommand('nginx', '-p', folder, '-c', 'nginx.conf', '-e', join(folder, 'error.log')),
  );
  /** Requests for the status are connections, too. */
  let asked = 0;
  const status = async (): Promise<{ active: number; accepted: number }> => {
    // A socket in the file system leads into every network namespace.
    const page = await runIn({ enter: [] }, [
      'curl',
      '-s',
      '--unix-socket',
      join(folder, 'status'),
      'http://nginx/',
    ]);
    asked++;
    const numbers = page.match(/\d+/g)?.map(Number) ?? [];
    return { active: (numbers[0] ?? 0) - 1, accepted: (numbers[1] ?? 0) - asked };
  };
  const workers = options.workers ?? 1;
  const workerPids = async (): Promise<readonly number[]> =>
    (await runIn(place, ['ps', '-o', 'pid=', '--ppid', String(nginx.pid)]))
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(Number)
      .sort((a, b) => a - b);
  await waitFor(
    'nginx serves',
    async () => {
      if (nginx.child.exitCode !== null) throw new Error(`nginx ended: ${nginx.stderr()}${errors(folder)}`);
      return status().then(
        () => true,
        () => false,
      );
    },
    (isServing) => isServing,
  );
  await waitFor(
    'nginx has its workers',
    () => workerPids().catch(() => []),
    ({ length }) => length === workers,
  );
  return {
    process: nginx,
    workerPids,
    connections: () => logged(folder),
    accepted: async () => (await status()).accepted,
    async connectionsInTheEnd() {
      const { accepted } = await waitFor(
        'no connection of a client is left',
        status,
        ({ active }) => active === 0,
      );
      const connections = logged(folder);
      assert.equal(connections.length, accepted, 'nginx logs each connection that it accepts');
      return connections;
    },
    errors: () => errors(folder),
  };
}

const errors = (folder: string): string => readFileSync(join(folder, 'error.log'), 'utf8');

function configuration(
  folder: string,
  { listen, workers = 1, isReusePort = false, server = 'location / { return 200 "here\\n"; }' }: NginxOptions,
): string {
  const listening = listen.map(
    (address) => `listen ${address} backlog=4096${isReusePort ? ' reuseport' : ''};`,
  );
  return `
user root; daemon off; worker_processes ${workers}; pid nginx.pid; worker_rlimit_nofile 65536;
events { worker_connections 20000; accept_mutex off; }
http {
  log_format truth '$pid $connection $uri client=$arg_client';
  error_log error.log info; access_log access.log truth;
  keepalive_requests 100000000; keepalive_timeout 1h;
  ${TEMPORARY.map((kind) => `${kind}_temp_path ${kind};`).join(' ')}
  server { ${listening.join(' ')} ${server} }
  server { listen unix:${join(folder, 'status')}; access_log off; keepalive_timeout 0; location / { stub_status; } }
}
`;
}

function logged(folder: string): readonly NginxConnection[] {
  const connections = new Map<string, NginxConnection>();
  for (const line of linesOf(join(folder, 'access.log'))) {
    const [pid = '', connection = '', path = '', client = ''] = line.split(' ');
    const known = connections.get(connection);
    connections.set(connection, {
      ...(known ?? { workerPid: Number(pid), path, client: client.replace(/^client=-?/, '') }),
      requests: (known?.requests ?? 0) + 1,
    });
  }
  // 2026/01/01 00:00:00 [info] PID#THREAD: *CONNECTION client closed connection …
  for (const line of linesOf(join(folder, 'error.log'))) {
    const [, pid, connection] = /\[info\] (\d+)#\d+: \*(\d+) /.exec(line) ?? [];
    if (pid === undefined || connection === undefined || connections.has(connection)) continue;
    connections.set(connection, { workerPid: Number(pid), requests: 0, path: '', client: '' });
  }
  return Array.from(connections.values());
}

const linesOf = (file: string): readonly string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);

/** Connections by what `keyOf` makes of each. */
export function tally(
  connections: readonly NginxConnection[],
  keyOf: (connection: NginxConnection) => string,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const connection of connections) {
    const key = keyOf(connection);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
