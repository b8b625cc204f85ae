/** A real haproxy for one test, and what it counts itself: its stats socket. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { waitFor } from '../wait-for.js';
import { debianCommand } from './debian.js';
import { startReal, type Place, type RealProcess } from './real-process.js';

export interface HaproxyOptions {
  /** `address:port` that it takes requests at. */
  readonly listen: string;
  /** Servers by name: `address:port`. Requests go round them, each on a connection of its own. */
  readonly servers: Readonly<Record<string, string>>;
  /** Time between two checks of each server by a request for /health; none are made without it. They are off in the beginning. */
  readonly checkEveryMs?: number;
}

export interface Haproxy {
  readonly process: RealProcess;
  /** By server: connections that it tried to open for requests. Checks are not among them. */
  connects(): Promise<ReadonlyMap<string, number>>;
  /** Switches the checks of all servers on or off. One that is at work ends first. */
  check(isOn: boolean): Promise<void>;
}

export async function startHaproxy(
  t: TestContext,
  place: Place,
  { listen, servers, checkEveryMs }: HaproxyOptions,
): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'tp-haproxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'stats');
  const check =
    checkEveryMs === undefined ? '' : ` check inter ${checkEveryMs}ms fastinter ${checkEveryMs}ms`;
  const lines = Object.entries(servers).map(([name, address]) => `  server ${name} ${address}${check}`);
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `
global
  stats socket ${socket} level admin
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  option http-server-close
  http-reuse never
frontend front
  bind ${listen}
  default_backend back
backend back
  balance roundrobin
  option httpchk GET /health
${lines.join('\n')}
`,
  );
  const haproxy = await startReal(
    t,
    place,
    debianCommand('haproxy', '-db', '-f', join(folder, 'haproxy.cfg')),
  );
  const ask = async (command: string): Promise<string> => {
    const connection = connect(socket);
    connection.write(`${command}\n`);
    return text(connection);
  };
  await waitFor(
    'haproxy answers',
    () => {
      if (haproxy.child.exitCode !== null) throw new Error(`haproxy ended: ${haproxy.stderr()}`);
      return ask('show info').then(
        () => true,
        () => false,
      );
    },
    Boolean,
  );
  const setChecks = async (isOn: boolean): Promise<void> => {
    for (const name of Object.keys(servers)) await ask(`${isOn ? 'enable' : 'disable'} health back/${name}`);
  };
  if (checkEveryMs !== undefined) await setChecks(false);
  return {
    process: haproxy,
    check: setChecks,
    async connects() {
      const [header = '', ...rows] = (await ask('show stat')).trim().split('\n');
      const columns = header.replace(/^# /, '').split(',');
      const column = (row: string, name: string): string => row.split(',')[columns.indexOf(name)] ?? '';
      return new Map(
        rows
          .filter((row) => column(row, 'pxname') === 'back' && column(row, 'svname') in servers)
          .map((row) => [column(row, 'svname'), Number(column(row, 'connect'))]),
      );
    },
  };
}
