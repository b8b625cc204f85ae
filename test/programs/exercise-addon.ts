/**
 * Loads the addon at a given path and works it hard: load, scan, snapshots under traffic, close, misuse. Run under
 * sanitizers it shows memory errors; run many times over it shows leaks. Arguments: addon path, rounds.
 * Prints "descriptors before after".
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import type { Feature, Tracker, TrackerOptions } from 'ebpf-bridge';

interface Addon {
  probeFeatures(): Promise<Feature[]>;
  loadTracker(options: Required<TrackerOptions>): Promise<Tracker>;
}

const [path = '', rounds = '1'] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path) as Addon;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function traffic(connections: number): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  for (let i = 0; i < connections; i++) {
    const socket = connect(address.port, '127.0.0.1');
    socket.end('hello');
    socket.resume();
    await once(socket, 'close');
  }
  server.close();
  await once(server, 'close');
}

async function round(withTraffic: boolean): Promise<void> {
  const tracker = await addon.loadTracker({ ringBytes: 65_536, maxClosed: 100 });
  await tracker.scanFiles();
  if (withTraffic) await traffic(50);
  const [first, second] = await Promise.all([tracker.snapshot(), tracker.snapshot()]);
  assert.ok(first.recordCount >= 0 && second.recordCount >= 0);
  await tracker.counters();
  await Promise.all([tracker.close(), tracker.close()]);
  await assert.rejects(tracker.snapshot(), /after it was closed/);
}

await addon.probeFeatures();
await round(true);
const before = descriptors();
for (let i = 0; i < Number(rounds); i++) await round(i % 10 === 0);
process.stdout.write(`descriptors ${before} ${descriptors()}\n`);
