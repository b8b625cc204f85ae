/** Every way in which a connect fails, made by the real kernel and its firewall, held against what the eBPF source sees. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import type { EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { createNamespace } from '../support/namespace.js';
import { startEbpf } from '../support/rung.js';
import { WatchedSource } from '../support/watched-source.js';
import { runScenario, type Truth } from '../support/scenario.js';

/** What the firewall says on a port, by IPv4 and by IPv6. */
const ANSWERS = [
  [7001, 'icmp-host-unreachable', 'icmp6-addr-unreachable'],
  [7005, 'icmp-net-unreachable', 'icmp6-no-route'],
  [7006, 'icmp-admin-prohibited', 'icmp6-adm-prohibited'],
  [7007, 'tcp-reset', 'tcp-reset'],
  [7008, 'icmp-port-unreachable', 'icmp6-port-unreachable'],
  [7009, 'icmp-proto-unreachable', 'icmp6-addr-unreachable'],
  [7101, 'icmp-host-unreachable', 'icmp6-addr-unreachable'],
  [7102, 'icmp-host-unreachable', 'icmp6-addr-unreachable'],
] as const;

/** `client PID > port: connections, failed connects and why` */
const line = (pid: unknown, port: unknown, connections: unknown, failed: unknown, why: unknown): string =>
  `${String(pid)} > ${String(port)}: ${String(connections)}, failed ${String(failed)} ${String(why)}`;

/** What the truth comes to, by port. */
function expected(truth: readonly Truth[]): string[] {
  const ports = new Map(
    truth.map((each) => [each.serverPort, { clientPid: 0, count: 0, failed: 0, why: '' }]),
  );
  for (const { clientPid, serverPort, count, failed } of truth) {
    const port = ports.get(serverPort)!;
    port.clientPid = clientPid;
    if (failed === undefined) port.count += count;
    else Object.assign(port, { failed: port.failed + count, why: failed });
  }
  return Array.from(ports, ([port, { clientPid, count, failed, why }]) =>
    line(clientPid, port, count, failed, why),
  ).sort();
}

export async function assertFailuresSeen(
  t: TestContext,
  address: '127.0.0.1' | '::1',
  options: EbpfSourceOptions = {},
): Promise<void> {
  const netns = createNamespace(t);
  const isIpv6 = address === '::1';
  const firewall = (port: number | string, ...answer: string[]): void => {
    const rule = ['-w', '-A', 'INPUT', '-p', 'tcp', '--dport', String(port), '-j', ...answer];
    const tables = isIpv6 ? 'ip6tables-legacy' : 'iptables-legacy';
    execFileSync('ip', ['netns', 'exec', netns.name, tables, ...rule]);
  };
  for (const [port, ipv4, ipv6] of ANSWERS) firewall(port, 'REJECT', '--reject-with', isIpv6 ? ipv6 : ipv4);
  for (const port of ['7002:7003', '7010:7012']) firewall(port, 'DROP');
  const source = await startEbpf(options);
  t.after(() => source.close());
  await source.seeded();
  const { truth } = await runScenario(t, netns, ['failing', address], (line, goOn) => {
    const [, port = ''] = line.split(' ');
    execFileSync('ip', ['netns', 'exec', netns.name, 'ss', '--kill', 'dport', '=', `:${port}`]);
    goOn();
  });
  const { nodes, snapshot } = await new WatchedSource(source).last();
  assert.deepEqual(snapshot.completeness?.namespaces, [], 'the kernel counted no more than was seen');
  const sums = new Map<string, { connections: number; failed: number; why: string }>();
  for (const [id, { adjacency, latest }] of nodes) {
    if (!id.startsWith(`vm-${netns.inode};`)) continue;
    const fact = (key: string): string | undefined => latest?.get(key)?.value;
    for (const to of adjacency ?? []) {
      const key = `${fact('pid') ?? '?'} ${to.slice(to.lastIndexOf(';') + 1)}`;
      const sum = sums.get(key) ?? { connections: 0, failed: 0, why: '' };
      sum.connections += Number(fact('conn_count') ?? 1);
      sum.failed += Number(fact('failed_count') ?? 0);
      sum.why = fact('failed_reason') ?? sum.why;
      sums.set(key, sum);
    }
  }
  const seen = Array.from(sums, ([key, { connections, failed, why }]) => {
    const [pid, port] = key.split(' ');
    return line(pid, port, connections, failed, why);
  });
  assert.deepEqual(seen.sort(), expected(truth));
}
