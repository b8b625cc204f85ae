/** Weave Scope itself, where its binary is given. */
import type { TestContext } from 'node:test';
import { APP_PORT, type FleetHost } from '../fleet.js';
import { startReal, untilLogged, type RealProcess } from './real-process.js';

const BINARY = process.env['TOPOPROBE_SCOPE'] ?? '';

/** A test's `skip`. */
export const needsScope: string | false =
  BINARY === '' && 'needs Weave Scope: name its binary in TOPOPROBE_SCOPE';

/** Starts a host's Scope probe, which finds connections in /proc, and waits until it publishes. */
export async function startScopeProbe(t: TestContext, host: FleetHost, url: string): Promise<RealProcess> {
  const probe = await startReal(t, host, [
    ...['env', `SCOPE_HOSTNAME=${host.name}`, BINARY, '--mode=probe', '--probe-only', '--weave=false'],
    ...['--probe.docker=false', '--probe.kubernetes=false', '--probe.ebpf.connections=false'],
    ...['--probe.conntrack=false', '--probe.publish.interval=1s', '--probe.no-controls', url],
  ]);
  await untilLogged(`the Scope probe of ${host.name}`, probe, 'Publish loop');
  return probe;
}

/** Starts a Scope app that listens at an address. @returns its URL */
export async function startScopeApp(t: TestContext, host: FleetHost, address: string): Promise<string> {
  const place = `${address}:${APP_PORT}`;
  const options = ['--mode=app', '--weave=false', '--app.weave.addr=', `--app.http.address=${place}`];
  await startReal(t, host, [BINARY, ...options]);
  return `http://${place}`;
}
