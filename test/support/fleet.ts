/**
 * A fleet on this machine: hosts with PID, mount and network namespaces of their own, joined by a switch, each with a real probe
 * that sees its own host only, and a real app on one of them. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createNamespace } from './namespace.js';
import { createPidNamespace } from './pid-namespace.js';
import { runIn, startReal, untilLogged, type Place, type RealProcess } from './programs/real-process.js';
import { TOPOPROBE } from './topoprobe.js';
import { waitFor } from './wait-for.js';

export interface FleetHost extends Place {
  readonly name: string;
  /** Its first process, as this test sees it. */
  readonly pid: number;
}

/** A network that hosts are plugged into. */
export interface Lan {
  /** Gives a host an interface in it with one more address, and answers the address. */
  plug(host: FleetHost): string;
  /** The address that the next host is to have, without giving it to any. */
  spare(): string;
  /** As a route's destination. */
  readonly cidr: string;
}

export async function createHost(t: TestContext, name: string): Promise<FleetHost> {
  const { pid, enter } = await createPidNamespace(t);
  // Namespaces of others are none of this host's, though they are mounted here.
  await runIn({ enter }, ['sh', '-c', 'if [ -d /run/netns ]; then mount -t tmpfs none /run/netns; fi']);
  return { name, pid, enter };
}

/** A network of drawn addresses: others may run beside it on this machine. */
export function createLan(t: TestContext): Lan {
  const middle = createNamespace(t);
  const ip = (...args: readonly string[]): void => {
    execFileSync('ip', args, { stdio: 'pipe' });
  };
  ip('-n', middle.name, 'link', 'add', 'switch', 'type', 'bridge');
  ip('-n', middle.name, 'link', 'set', 'switch', 'up');
  const prefix = `10.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  let used = 0;
  return {
    cidr: `${prefix}.0/24`,
    spare: () => `${prefix}.${++used}`,
    plug({ pid, enter }) {
      const address = `${prefix}.${++used}`;
      const suffix = randomBytes(4).toString('hex');
      const [near, far] = [`p${suffix}`, `q${suffix}`];
      ip('-n', middle.name, 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', String(pid));
      ip('-n', middle.name, 'link', 'set', near, 'master', 'switch', 'up');
      const [file = '', ...rest] = enter;
      for (const args of [
        ['address', 'add', `${address}/24`, 'dev', far],
        ['link', 'set', far, 'up'],
      ])
        execFileSync(file, [...rest, 'ip', ...args], { stdio: 'pipe' });
      return address;
    },
  };
}

/** Runs a command on a host, which must succeed. */
export const on = (host: Place, ...command: readonly string[]): Promise<string> => runIn(host, command);

export interface FleetApp {
  readonly url: string;
  readonly process: RealProcess;
  /** JSON that the app answers to a path. */
  get(path: string): Promise<unknown>;
  /** Waits until each of the hosts' probes has reported so often more. */
  afterReports(times: number, ...hosts: readonly FleetHost[]): Promise<void>;
}

/** Where an app listens unless another port is asked for. */
export const APP_PORT = 4040;

export interface FleetAppOptions {
  readonly windowMs?: number;
  readonly port?: number;
}

/** Starts a real app on a host and waits until it answers. */
export async function startApp(
  t: TestContext,
  host: FleetHost,
  address: string,
  { windowMs = 60_000, port = APP_PORT }: FleetAppOptions = {},
): Promise<FleetApp> {
  const app = await startReal(t, host, [
    ...[process.execPath, TOPOPROBE, 'app', '--listen', `${address}:${port}`, '--public-without-auth'],
    ...['--window', `${windowMs}ms`, '--views', 'newest', '--hostname', host.name, '--log-level', 'warn'],
  ]);
  const url = `http://${address}:${port}`;
  const get = async (path: string): Promise<unknown> =>
    JSON.parse(await on(host, 'curl', '-sS', '--fail-with-body', '--max-time', '20', url + path));
  await waitFor('the app answers', () => isAnswering(app, get), Boolean);
  const reportsOf = async (hosts: readonly FleetHost[]): Promise<readonly number[]> => {
    const { probes } = (await get('/api/v1/probes')) as {
      probes: readonly { hostname: string; reports: number; staleSince?: string }[];
    };
    // A probe that was started again is another one.
    return hosts.map(({ name }) =>
      probes.filter(({ hostname }) => hostname === name).reduce((sum, { reports }) => sum + reports, 0),
    );
  };
  return {
    url,
    process: app,
    get,
    async afterReports(times, ...hosts) {
      const before = await reportsOf(hosts);
      await waitFor(
        `${times} more reports of ${hosts.map(({ name }) => name).join(', ')}`,
        () => reportsOf(hosts),
        (now) => now.every((reports, i) => reports >= (before[i] ?? 0) + times),
      );
    },
  };
}

async function isAnswering(app: RealProcess, get: (path: string) => Promise<unknown>): Promise<boolean> {
  if (app.child.exitCode !== null) throw new Error(`the app ended: ${app.stderr()}`);
  return get('/api').then(
    () => true,
    () => false,
  );
}

/** Starts a host's probe and waits until it watches. */
export async function startProbe(
  t: TestContext,
  host: FleetHost,
  urls: readonly string[],
  args: readonly string[] = [],
): Promise<RealProcess> {
  const probe = await startReal(t, host, [
    ...[
      process.execPath,
      TOPOPROBE,
      'probe',
      ...urls,
      '--source',
      'ebpf',
      '--no-dns',
      '--hostname',
      host.name,
    ],
    ...['--publish-interval', '500ms', '--metrics-listen', 'off', '--log-level', 'info', ...args],
  ]);
  await untilLogged(`the probe of ${host.name}`, probe, 'watching connections');
  return probe;
}
