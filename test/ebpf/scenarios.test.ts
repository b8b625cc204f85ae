/**
 * The hard kinds of connections, made by real processes that tell the truth about them (test/scenarios/scenarios.c): no
 * edge is missing, none invented, none reversed, and every process is the right one.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { parseTcpCounts } from '../../src/probe/connections/ebpf/kernel-counters.js';
import { createNamespace, joinNamespaces, pairedDevice, type Namespace } from '../support/namespace.js';
import { runScenario } from '../support/scenario.js';
import { ebpfSkip } from './requirements.js';
import { assertTrue, edgesTo, inNamespace, watch } from './seen-scenario.js';

function execute({ name }: Namespace, ...command: readonly string[]): string {
  return execFileSync('ip', ['netns', 'exec', name, ...command], { encoding: 'utf8' });
}

for (const [what, args] of [
  ['short connections over IPv4', ['short']],
  ['short connections over IPv6', ['short', '::1']],
  ['all of 127.0.0.0/8', ['whole-loopback']],
  ['IPv4 in IPv6 sockets, on either side', ['mapped']],
  ['a socket connected to itself', ['self-connect']],
  ['one tuple, used again and again', ['reused-tuple']],
  ['workers that accept from the listener of their parent', ['prefork']],
  ['children that serve what their parent accepted', ['child-serves']],
  ['descriptors passed over a Unix socket', ['passed-descriptor']],
  ['a listener handed to a program, as systemd does', ['activated']],
  ['threads', ['threads']],
  ['connections accepted by io_uring', ['io-uring']],
  ['a client killed in the middle', ['killed-client']],
  ['a server killed in the middle', ['killed-server']],
  ['connections reset as soon as they stand, accepted or not', ['reset-at-once']],
  ['every port of one client', ['all-ports']],
  ['data in SYNs', ['fast-open']],
  ['a port taken again while it is in TIME_WAIT', ['reused-time-wait']],
  ["a client's PID, used again by another client", ['reused-client-pid']],
  ["a server's PID, used again by another server", ['reused-server-pid']],
] as const) {
  test(what, { skip: ebpfSkip }, async (t) => {
    const netns = createNamespace(t);
    const seen = await watch(t);
    let unavailable = '';
    const { truth } = await runScenario(t, netns, args, (line) => {
      unavailable = line;
    });
    if (unavailable !== '') {
      t.skip(`${what}: ${unavailable} on this kernel`);
      return;
    }
    assert.ok(truth.length > 0);
    assertTrue(await seen.nodes(), truth, inNamespace(netns));
  });
}

test('what the kernel counts as accepted and nobody had is not missed', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const synAck = ['-p', 'tcp', '--tcp-flags', 'SYN,ACK', 'SYN,ACK', '-j', 'DROP'];
  execute(netns, 'iptables', '-A', 'INPUT', ...synAck);
  const seen = await watch(t);
  await runScenario(t, netns, ['fast-open-reset']);
  const snmp = execute(netns, 'cat', '/proc/net/snmp');
  assert.ok((parseTcpCounts(snmp)?.passive ?? 0) > 0, 'the kernel counts them');
  // Fails when more was counted than seen.
  await seen.nodes();
});

test('the same addresses and ports in two namespaces', { skip: ebpfSkip }, async (t) => {
  const [a, b] = [createNamespace(t), createNamespace(t)];
  const seen = await watch(t);
  const [inA, inB] = await Promise.all([
    runScenario(t, a, ['fixed-port']),
    runScenario(t, b, ['fixed-port']),
  ]);
  const nodes = await seen.nodes();
  assertTrue(nodes, inA.truth, inNamespace(a));
  assertTrue(nodes, inB.truth, inNamespace(b));
});

test('a thousand namespaces that are gone with their connections', { skip: ebpfSkip }, async (t) => {
  const seen = await watch(t);
  const { truth } = await runScenario(t, createNamespace(t), ['many-namespaces']);
  assert.equal(truth.length, 1000);
  assertTrue(await seen.nodes(), truth, /^vm-\d+;127\.0\.0\.1;/);
});

test('link-local addresses between two namespaces', { skip: ebpfSkip }, async (t) => {
  const [a, b] = [createNamespace(t), createNamespace(t)];
  joinNamespaces(a, 'fe80::a/64', b, 'fe80::b/64');
  const seen = await watch(t);
  const { truth } = await runScenario(t, a, ['short', `fe80::a%${pairedDevice(a)}`]);
  assertTrue(await seen.nodes(), truth, /^vm;fe80::a;/);
});

test('a simultaneous open is one connection', { skip: ebpfSkip }, async (t) => {
  const netns = createNamespace(t);
  const seen = await watch(t);
  execute(netns, 'iptables', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP');
  const { truth } = await runScenario(t, netns, ['simultaneous-open'], () => {
    execute(netns, 'iptables', '-F', 'INPUT');
  });
  const [open] = truth;
  assert.ok(open?.otherPort !== undefined);
  const { serverPort, otherPort, clientPid } = open;
  const nodes = await seen.nodes();
  const edges = edgesTo(nodes, new Set([serverPort, otherPort]), inNamespace(netns));
  assert.deepEqual([...edges.values()], [1]);
  assert.match([...edges.keys()][0] ?? '', new RegExp(`^${clientPid} > ${clientPid} : `));
});
