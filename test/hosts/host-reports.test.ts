/** The Host topology says of this machine what is true of it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, networkInterfaces, release, tmpdir, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { cpuPercent, parseCpuTimes } from '../../src/probe/hosts/host-facts.js';
import { createHostReporter } from '../../src/probe/hosts/index.js';
import type { Reporter } from '../../src/probe/reporter.js';
import { now, parseTimestamp } from '../../src/report/index.js';
import type { Node } from '../../src/report/model/model.js';

const create = (procRoot?: string, warn?: (message: string) => void): Reporter =>
  createHostReporter({
    hostName: 'vm.example',
    version: '1.2.3',
    probeId: 'abc',
    ...(procRoot !== undefined && { procRoot }),
    ...(warn && { warn }),
  });

async function hostNode(reporter: Reporter): Promise<Node> {
  const topology = (await reporter.report(now())).get('Host')!;
  const node = topology.nodes.get('vm.example;<host>');
  assert.ok(node);
  return node;
}

const value = (node: Node, key: string): string => node.latest?.get(key)?.value ?? '';

test('a host has its name, kernel, uptime, version and time', async () => {
  const node = await hostNode(create());
  assert.equal(node.topology, 'host');
  assert.equal(value(node, 'host_name'), 'vm.example');
  assert.equal(value(node, 'host_node_id'), 'vm.example;<host>');
  assert.equal(value(node, 'host_scope_version'), '1.2.3');
  assert.equal(value(node, 'control_probe_id'), 'abc');
  assert.equal(value(node, 'os'), 'linux');
  assert.ok(value(node, 'kernel_version').startsWith(`${release()} `));
  assert.ok(Math.abs(Number(value(node, 'uptime')) - uptime()) < 10);
  assert.ok(parseTimestamp(value(node, 'ts')));
});

test('CPU is shared out over all cores and known from the second report on', async () => {
  const reporter = create();
  assert.equal((await hostNode(reporter)).metrics?.get('host_cpu_usage_percent'), undefined);
  let metric;
  while (metric === undefined) metric = (await hostNode(reporter)).metrics?.get('host_cpu_usage_percent');
  assert.equal(metric.max, 100 * cpus().length);
  assert.ok(metric.samples[0]!.value >= 0 && metric.samples[0]!.value <= metric.max);
});

test('memory is within what the machine has, load is what the kernel says', async () => {
  const { metrics } = await hostNode(create());
  const memory = metrics?.get('host_mem_usage_bytes');
  assert.equal(memory?.max, totalmem());
  assert.ok(memory.samples[0]!.value > 0 && memory.samples[0]!.value < memory.max);
  assert.ok((metrics?.get('load1')?.samples[0]?.value ?? -1) >= 0);
});

test('local networks hold every address of the interfaces', async () => {
  const told = (await hostNode(create())).sets?.get('local_networks') ?? [];
  const networks = told.map((cidr) => ipaddr.parseCIDR(cidr));
  for (const { address } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
    const parsed = ipaddr.parse(address);
    assert.ok(
      networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits)),
      `${address} in ${told.join(' ')}`,
    );
  }
});

test('shape, labels and templates are those of Scope', async () => {
  const topology = (await create().report(now())).get('Host')!;
  assert.equal(topology.shape, 'circle');
  assert.equal(topology.labelPlural, 'hosts');
  assert.equal(topology.metadataTemplates?.get('local_networks')?.from, 'sets');
  const metrics = [...(topology.metricTemplates?.keys() ?? [])].sort();
  assert.deepEqual(metrics, ['host_cpu_usage_percent', 'host_mem_usage_bytes', 'load1']);
});

test('the root of /proc can be elsewhere', async (t) => {
  const root = procRoot({ uptime: '4321.99 1.00\n' });
  t.after(() => rmSync(root, { recursive: true }));
  const node = await hostNode(create(root));
  assert.equal(value(node, 'uptime'), '4321');
  assert.equal(value(node, 'kernel_version'), '6.1.0 #1 SMP');
  const metric = (key: string): number | undefined => node.metrics?.get(key)?.samples[0]?.value;
  assert.equal(metric('host_mem_usage_bytes'), 600 * 1024);
  assert.equal(metric('load1'), 0.5);
});

test('a root that can not be read leaves the host with its name, kernel and networks, and is named once', async () => {
  const told: string[] = [];
  const reporter = create('/nonexistent/proc', (message) => told.push(message));
  const node = await hostNode(reporter);
  await hostNode(reporter);
  assert.equal(value(node, 'host_name'), 'vm.example');
  assert.ok(value(node, 'kernel_version').startsWith(`${release()} `));
  assert.ok((node.sets?.get('local_networks')?.length ?? 0) > 0);
  assert.equal(value(node, 'uptime'), '');
  assert.equal(node.metrics?.size, 0);
  assert.equal(told.length, 1);
  assert.match(told[0]!, /cannot read \/nonexistent\/proc\/uptime \(ENOENT\).*--proc-root/);
});

for (const [file, metric] of [
  ['uptime', undefined],
  ['loadavg', 'load1'],
  ['stat', 'host_cpu_usage_percent'],
  ['meminfo', 'host_mem_usage_bytes'],
] as const) {
  test(`a malformed ${file} is named, and the other facts are told`, async (t) => {
    const told: string[] = [];
    const root = procRoot({ [file]: 'nothing of use\n' });
    t.after(() => rmSync(root, { recursive: true }));
    const node = await hostNode(create(root, (message) => told.push(message)));
    const missing = ['load1', 'host_mem_usage_bytes'].filter((key) => node.metrics?.has(key) === false);
    assert.deepEqual(
      missing,
      [metric].filter((key) => key === 'load1' || key === 'host_mem_usage_bytes'),
    );
    assert.equal(value(node, 'uptime'), file === 'uptime' ? '' : '10');
    assert.equal(told.length, 1);
    assert.ok(told[0]!.includes(`its ${file} is not of the documented form`), told.join('\n'));
  });
}

test('CPU use is never below none nor above all, whatever the counters do', () => {
  const times = fc
    .array(fc.nat(), { minLength: 8, maxLength: 8 })
    .map((ticks) => parseCpuTimes(`cpu  ${ticks.join(' ')}\ncpu0 1\ncpu1 1\n`));
  fc.assert(
    fc.property(times, times, (before, after) => {
      const percent = cpuPercent(before, after);
      assert.ok(percent === undefined || (percent >= 0 && percent <= 200));
    }),
  );
});

function procRoot(changed: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  mkdirSync(join(root, 'sys/kernel'), { recursive: true });
  const files = {
    uptime: '10.00 1.00\n',
    loadavg: '0.50 0.40 0.30 1/100 4242\n',
    stat: 'cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n',
    meminfo: 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\n',
    'sys/kernel/osrelease': '6.1.0\n',
    'sys/kernel/version': '#1 SMP\n',
    ...changed,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return root;
}
