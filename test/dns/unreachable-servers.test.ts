/** Name servers that this machine can't reach cost names, and are told of; the probe goes on. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createNamespace } from '../support/namespace.js';
import { loneHost, NEIGHBOUR } from '../support/lone-host.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { eventually, resolverFor } from './resolver.js';

const SKIP = process.getuid?.() === 0 ? false : 'needs root for network namespaces';
const DEADLINE_MS = 60_000;

for (const server of ['255.255.255.255', 'fe80::1%no-such-device', '2001:db8::53']) {
  test(`the probe outlives the name server ${server}`, async (t) => {
    const resolver = resolverFor(t, [server], { timeoutMs: 100 });
    assert.deepEqual(await eventually(resolver, '10.0.0.1'), []);
    assert.equal(resolver.counters()['failures'], 1);
    assert.match(
      resolver.troubles()[0] ?? '',
      /can't be asked \(.*names of addresses are missing.*--dns-server/,
    );
  });
}

const CASES: Record<string, { readonly server: string; readonly prepare?: (name: string) => string[][] }> = {
  'without a route': { server: '198.51.100.53' },
  'without IPv6': {
    server: '2001:db8::53',
    prepare: (name) => [['ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']],
  },
  'by a broadcast address': { server: '255.255.255.255' },
  'by a forbidden route': {
    server: '198.51.100.53',
    prepare: (name) => [['ip', '-n', name, 'route', 'add', 'prohibit', '198.51.100.0/24']],
  },
  'by a firewall that drops': {
    server: NEIGHBOUR,
    prepare: (name) => [
      ['ip', 'netns', 'exec', name, 'iptables', '-A', 'OUTPUT', '-p', 'udp', '--dport', '53', '-j', 'DROP'],
    ],
  },
};

for (const [how, { server, prepare }] of Object.entries(CASES)) {
  test(`a probe ${how} says so and goes on`, { skip: SKIP }, async (t) => {
    const { name } = await loneHost(t);
    for (const [file = '', ...args] of prepare?.(name) ?? []) execFileSync(file, args);
    const args = ['probe', 'http://127.0.0.1:9', '--metrics-listen', 'off', '--source', 'proc'];
    const child = spawn(
      'ip',
      [
        ...['netns', 'exec', name, process.execPath, TOPOPROBE, ...args],
        ...['--dns-server', server, '--publish-interval', '200ms', '--log-format', 'json'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const exited = once(child, 'exit');
    t.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      const { msg } = JSON.parse(line) as { msg: string };
      said.push(msg);
      if (!msg.startsWith(`the name server ${server} can't be asked`)) continue;
      child.kill('SIGTERM');
    }
    clearTimeout(timer);
    assert.deepEqual(await exited, [0, null], said.join('\n'));
    assert.ok(said.includes('stopping'), said.join('\n'));
  });
}

test(
  'doctor tells of a machine whose name servers can not be reached, and what to do',
  { skip: SKIP },
  async (t) => {
    const { name } = createNamespace(t);
    const command = ['netns', 'exec', name, process.execPath, TOPOPROBE, 'doctor', '--json'];
    const { stdout } = await promisify(execFile)('ip', command);
    const { checks, source } = JSON.parse(stdout) as {
      checks: { name: string; status: string; detail: string }[];
      source?: string;
    };
    assert.notEqual(source, undefined);
    const check = checks.find((one) => one.name === 'name servers');
    assert.equal(check?.status, 'refused');
    assert.match(check.detail, /can't be asked \(.*so names of addresses are missing: .*--dns-server/);
  },
);
