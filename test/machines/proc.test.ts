/** Machines whose /proc does not show everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctor, everyCommand, probe, report } from './commands.js';
import { MACHINES_SKIP, run, type Machine } from './machine.js';

const NO_FACTS = /^the host goes without some facts: .*cannot read \/proc\/uptime \(ENOENT\).*--proc-root/;

for (const as of ['root', 'nameless user'] as const) {
  test(`every command works where /proc has only processes, as ${as}`, { skip: MACHINES_SKIP }, async (t) => {
    const warnings = await everyCommand(t, { prepare: 'mount -t proc -o subset=pid proc /proc', as });
    const facts = warnings.report.filter((line) => NO_FACTS.test(line));
    assert.equal(facts.length, 1, warnings.report.join('\n'));
    assert.equal(facts[0]?.match(/--proc-root/g)?.length, 1, 'what to do is said once');
  });

  test(`a machine that hides the processes of others from ${as}`, { skip: MACHINES_SKIP }, async (t) => {
    const machine: Machine = { prepare: 'mount -t proc -o hidepid=ptraceable,subset=pid proc /proc', as };
    const [{ host }, { source, checks }] = await Promise.all([report(t, machine), doctor(t, machine)]);
    assert.equal(host.latest('connection_source'), 'procfs');
    assert.notEqual(source, undefined);
    assert.equal(checks.find(({ name }) => name === '/proc')?.status, 'usable');
  });
}

for (const [file, lost] of [
  ['stat', 'stat'],
  ['meminfo', 'meminfo'],
  ['loadavg', 'loadavg'],
  ['uptime', 'uptime'],
  ['cpuinfo', undefined],
  ['self/auxv', undefined],
  ['sys/kernel/osrelease', undefined],
] as const) {
  test(`a machine whose /proc/${file} is empty`, { skip: MACHINES_SKIP }, async (t) => {
    const { host, warnings } = await report(t, {
      prepare: `touch $scratch/empty; mount --bind $scratch/empty /proc/${file}`,
    });
    assert.notEqual(host.latest('kernel_version') ?? '', '');
    const told = lost === undefined ? 0 : 1;
    assert.equal(warnings.length, told, warnings.join('\n'));
    if (lost !== undefined) assert.ok(warnings[0]?.includes(`its ${lost} is not of the documented form`));
    assert.equal(host.latest('uptime') === undefined, file === 'uptime');
  });
}

test('a machine without /proc/sys knows its kernel', { skip: MACHINES_SKIP }, async (t) => {
  const { host, warnings } = await report(t, { prepare: 'mount -t tmpfs none /proc/sys' });
  assert.match(host.latest('kernel_version') ?? '', /^\d+\.\d+.* #/);
  assert.deepEqual(warnings, []);
});

test('without /proc there is nothing to read, and one line says so', { skip: MACHINES_SKIP }, async (t) => {
  const machine: Machine = { prepare: 'mount -t tmpfs none /proc' };
  const { code, said } = await run(t, machine, ['report', '--source', 'proc', '--log-format', 'json']);
  assert.equal(code, 1);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /\/proc lists no process.*--proc-root/);
});

test('without /proc and without eBPF both are named', { skip: MACHINES_SKIP }, async (t) => {
  const machine: Machine = { prepare: 'mount -t tmpfs none /proc', as: 'nameless user' };
  const [{ code, said }, { source, reason }] = await Promise.all([
    run(t, machine, ['report', '--log-format', 'json']),
    doctor(t, machine),
  ]);
  assert.equal(code, 1);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /lists no process.*eBPF is not available either: /);
  assert.equal(source, undefined);
  assert.match(reason, /eBPF is not available: .*lists no process/);
});

test('probes of a machine with hidden parts watch on', { skip: MACHINES_SKIP }, async (t) => {
  await probe(t, { prepare: 'mount -t proc -o hidepid=invisible proc /proc', as: 'nameless user' });
});
