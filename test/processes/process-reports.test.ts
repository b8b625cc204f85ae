/** The Process topology says of real processes what is true of them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createProcessReporter, type ProcessReporterOptions } from '../../src/probe/processes/index.js';
import { now } from '../../src/report/index.js';
import type { Node, Topology } from '../../src/report/model/model.js';
import { startProgram } from '../support/program.js';

type Report = () => Promise<Topology>;

function reporter(
  t: TestContext,
  options: Partial<ProcessReporterOptions> = {},
): Report & { reads(): number } {
  const processes = createProcessReporter({ hostName: 'h', ...options });
  t.after(() => processes.close());
  const report = async (): Promise<Topology> => (await processes.report(now())).get('Process')!;
  return Object.assign(report, { reads: () => processes.counters()['reads']! });
}

const latest = (node: Node | undefined, key: string): string | undefined => node?.latest?.get(key)?.value;
const metric = (node: Node | undefined, key: string): number | undefined =>
  node?.metrics?.get(key)?.samples[0]?.value;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a process has its PID, parent, arguments, threads, host, memory and open files', async (t) => {
  const { pid } = await startProgram(t, [
    'sh',
    '-c',
    'exec 8</dev/null 9</dev/null; echo ready; read line',
    'arg one',
  ]);
  const topology = await reporter(t)();
  const node = topology.nodes.get(`h;${pid}`);
  assert.equal(node?.topology, 'process');
  assert.equal(latest(node, 'pid'), String(pid));
  assert.equal(latest(node, 'ppid'), String(process.pid));
  assert.equal(latest(node, 'name'), 'sh');
  assert.match(latest(node, 'cmdline') ?? '', /^sh -c exec 8<.*read line arg one$/);
  assert.equal(latest(node, 'threads'), '1');
  assert.equal(latest(node, 'host_node_id'), 'h;<host>');
  assert.ok((metric(node, 'process_memory_usage_bytes') ?? 0) > 100_000);
  assert.equal(metric(node, 'open_files_count'), readdirSync(`/proc/${pid}/fd`).length);
});

test('shape, labels and templates are those of Scope', async (t) => {
  const topology = await reporter(t)();
  assert.equal(topology.shape, 'square');
  assert.equal(topology.label, 'process');
  assert.equal(topology.labelPlural, 'processes');
  assert.deepEqual([...topology.metadataTemplates!.keys()].sort(), ['cmdline', 'pid', 'ppid', 'threads']);
  assert.deepEqual([...topology.metricTemplates!.keys()].sort(), [
    'open_files_count',
    'process_cpu_usage_percent',
    'process_memory_usage_bytes',
  ]);
});

test('a process that computes uses about one core, one that sleeps none', async (t) => {
  const busy = await startProgram(t, [process.execPath, '-e', 'console.log(1); for (;;);']);
  const idle = await startProgram(t, ['sh', '-c', 'echo ready; read line']);
  const report = reporter(t);
  const first = await report();
  assert.equal(metric(first.nodes.get(`h;${busy.pid}`), 'process_cpu_usage_percent'), undefined);
  await new Promise((resolve) => setTimeout(resolve, 600));
  const second = await report();
  const percent = metric(second.nodes.get(`h;${busy.pid}`), 'process_cpu_usage_percent') ?? 0;
  assert.ok(percent > 5 && percent < 200, `${percent} %`);
  assert.ok((metric(second.nodes.get(`h;${idle.pid}`), 'process_cpu_usage_percent') ?? 100) < percent);
});

test('a name with spaces and parentheses is read right', async (t) => {
  const program = join(temporaryFolder(t), 'odd ) R 1 (n');
  copyFileSync('/bin/sh', program);
  const { pid } = await startProgram(t, [program, '-c', 'echo ready; read line']);
  const node = (await reporter(t)()).nodes.get(`h;${pid}`);
  assert.equal(latest(node, 'ppid'), String(process.pid));
  assert.equal(latest(node, 'name'), 'odd ) R 1 (n');
});

test('arguments change with exec', async (t) => {
  const { pid, child } = await startProgram(t, ['sh', '-c', 'echo ready; read line; exec sleep 1000']);
  const report = reporter(t);
  assert.equal(latest((await report()).nodes.get(`h;${pid}`), 'name'), 'sh');
  child.stdin!.write('\n');
  let name: string | undefined = 'sh';
  while (name === 'sh') name = latest((await report()).nodes.get(`h;${pid}`), 'name');
  assert.equal(name, 'sleep');
  assert.equal(latest((await report()).nodes.get(`h;${pid}`), 'cmdline'), 'sleep 1000');
});

test('arguments change with an exec of the same program', async (t) => {
  const { pid, child } = await startProgram(t, [
    'sh',
    '-c',
    'echo ready; read line; exec sh -c "read line; :" other',
  ]);
  const report = reporter(t);
  const cmdline = async (): Promise<string> =>
    latest((await report()).nodes.get(`h;${pid}`), 'cmdline') ?? '';
  for (let pass = 0; pass < 5; pass++) assert.match(await cmdline(), /^sh -c echo ready/);
  child.stdin!.write('\n');
  while (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('ready')) await setImmediate();
  const seen = await cmdline();
  assert.equal(seen, 'sh -c read line; : other');
});

test('kernel threads are known by their name in brackets', { skip: noKernelThreads() }, async (t) => {
  const node = (await reporter(t)()).nodes.get('h;2');
  assert.equal(latest(node, 'name'), '[kthreadd]');
  assert.equal(latest(node, 'cmdline'), undefined);
  assert.equal(latest(node, 'ppid'), undefined);
});

function noKernelThreads(): string | false {
  return process.getuid?.() === 0 ? false : 'needs root in the first PID namespace';
}

test('secrets in arguments are masked unless told otherwise, and can be withheld with all arguments', async (t) => {
  const { pid } = await startProgram(t, ['sh', '-c', 'echo ready; read line', 'x', '--password=hunter2']);
  const shown = async (policy?: 'withheld' | 'verbatim'): Promise<string | undefined> => {
    const topology = await reporter(t, policy === undefined ? {} : { arguments: policy })();
    return latest(topology.nodes.get(`h;${pid}`), 'cmdline');
  };
  assert.equal(await shown(), 'sh -c echo ready; read line x --password=***');
  assert.equal(await shown('verbatim'), 'sh -c echo ready; read line x --password=hunter2');
  assert.equal(await shown('withheld'), 'sh');
});

test('a process that did nothing is not read again', async (t) => {
  const report = reporter(t, { procRoot: procWithout(t, 300) });
  await report();
  assert.equal(report.reads(), 300 * 4);
  // A young one may still write over its arguments.
  for (let pass = 0; pass < 3; pass++) await report();
  const before = report.reads();
  await report();
  const perPass = report.reads() - before;
  // Its stat always; one in twenty is due for a refresh of everything.
  assert.ok(perPass >= 300 && perPass <= 300 + 3 * (300 / 20), `${perPass} reads`);
});

/** A folder that looks like /proc with `count` processes that never change. */
function procWithout(t: TestContext, count: number): string {
  const root = temporaryFolder(t);
  for (let pid = 1; pid <= count; pid++) {
    const folder = join(root, String(pid));
    mkdirSync(join(folder, 'fd'), { recursive: true });
    const fields = [`${pid} (idle) S 0`, ...new Array<number>(48).fill(0)];
    writeFileSync(join(folder, 'stat'), fields.join(' '));
    writeFileSync(join(folder, 'cmdline'), `idle\0${pid}\0`);
    writeFileSync(
      join(folder, 'limits'),
      'Limit\nMax open files            1024                 4096                 files\n',
    );
  }
  return root;
}

test('the root of /proc can be elsewhere, and the soft limit is the most files that can be open', async (t) => {
  const topology = await reporter(t, { procRoot: procWithout(t, 3) })();
  assert.deepEqual([...topology.nodes.keys()].sort(), ['h;1', 'h;2', 'h;3']);
  assert.equal(topology.nodes.get('h;2')?.metrics?.get('open_files_count')?.max, 1024);
});

const HIDE_ADDONS =
  'data:text/javascript,import m from "node:module"; m._extensions[".node"] = () => { throw new Error("hidden"); };';

test('without the native addon the facts are the same', async (t) => {
  const { pid } = await startProgram(t, ['sh', '-c', 'echo ready; read line', 'arg one']);
  const root = procWithout(t, 2);
  const program = (procRoot: string): string => `
    import { createProcessReporter } from '${new URL('../../src/probe/processes/index.js', import.meta.url).href}';
    const report = await createProcessReporter({ hostName: 'h', procRoot: '${procRoot}' }).report('0');
    const nodes = report.get('Process').nodes;
    const facts = ['h;1', 'h;2', 'h;${pid}'].map((id) => nodes.get(id)).filter(Boolean);
    const told = facts.map(({ id, latest, metrics }) => [
      id,
      ...[...latest].map(([key, { value }]) => [key, value]),
      metrics.get('open_files_count'),
    ]);
    console.log(JSON.stringify(told));`;
  const told = async (procRoot: string, ...options: string[]): Promise<string> => {
    const args = [...options, '--input-type=module', '-e', program(procRoot)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return stdout;
  };
  for (const procRoot of [root, '/proc']) {
    const facts = await told(procRoot);
    assert.match(facts, procRoot === root ? /idle 2/ : /read line arg one/);
    assert.equal(await told(procRoot, '--import', HIDE_ADDONS), facts);
  }
});

test('processes that end while they are read are left out', async (t) => {
  const root = procWithout(t, 3);
  rmSync(join(root, '2', 'stat'));
  const topology = await reporter(t, { procRoot: root })();
  assert.deepEqual([...topology.nodes.keys()].sort(), ['h;1', 'h;3']);
});

test('more processes than the bound are left out and counted', async (t) => {
  const processes = createProcessReporter({ hostName: 'h', procRoot: procWithout(t, 12), maxProcesses: 10 });
  t.after(() => processes.close());
  const topology = (await processes.report(now())).get('Process')!;
  assert.equal(topology.nodes.size, 10);
  assert.equal(processes.counters()['skipped'], 2);
});

test('megabytes of arguments are cut off', async (t) => {
  const { pid } = await startProgram(t, ['sh', '-c', 'echo ready; read line', 'x'.repeat(100_000)]);
  const node = (await reporter(t)()).nodes.get(`h;${pid}`);
  assert.ok((latest(node, 'cmdline') ?? '').length <= 4096);
});

for (const [what, folder] of [
  ['does not exist', '/nonexistent/proc'],
  ['is no /proc', '/etc'],
] as const) {
  test(`a root that ${what} is named in a typed error`, async (t) => {
    await assert.rejects(reporter(t, { procRoot: folder })(), {
      name: 'ProbeError',
      code: 'PROC_UNREADABLE',
    });
    await assert.rejects(reporter(t, { procRoot: folder })(), (error: Error) =>
      error.message.includes(folder),
    );
  });
}

test('two reports at once share one pass, and a closed reporter says so', async () => {
  const processes = createProcessReporter({ hostName: 'h' });
  const [a, b] = await Promise.all([processes.report(now()), processes.report(now())]);
  assert.ok(a.get('Process')!.nodes.size > 0);
  assert.deepEqual([...a.get('Process')!.nodes.keys()], [...b.get('Process')!.nodes.keys()]);
  await processes.close();
  await processes.close();
  await assert.rejects(processes.report(now()), { code: 'PROCESS_SCAN_FAILED' });
});
