/** What surrounds a program on most machines: home, path, time zone, working directory, places to write, /sys, /dev. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../../src/cli/installation.js';
import { ebpfSkip } from '../ebpf/requirements.js';
import { doctor, everyCommand, report, up } from './commands.js';
import { MACHINES_SKIP, run, type Machine } from './machine.js';

const NOTHING_SAID = { report: [], up: [], probe: [] };

const machines: Readonly<Record<string, Machine>> = {
  'without a home folder': { prepare: 'unset HOME' },
  'whose home folder is nowhere': { prepare: 'export HOME=/nonexistent/home' },
  'without a PATH': { prepare: 'unset PATH' },
  'with an unknown time zone': { prepare: 'export TZ=Nowhere/Nothing' },
  'without time zones': { prepare: 'mount -t tmpfs none /usr/share/zoneinfo; export TZ=Europe/Berlin' },
  'without cgroups and BPF file system': { prepare: 'mount -t tmpfs none /sys/fs' },
  'without devices': { prepare: 'mount -t tmpfs none /dev' },
  'with a working directory that may not be read': {
    prepare: 'chmod 000 $scratch; cd $scratch',
    as: 'nameless user',
  },
};

for (const [what, machine] of Object.entries(machines)) {
  test(`a machine ${what}`, { skip: MACHINES_SKIP }, async (t) => {
    const [{ warnings }, { source }] = await Promise.all([report(t, machine), doctor(t, machine)]);
    assert.deepEqual(warnings, []);
    assert.notEqual(source, undefined);
  });
}

test('every command works where nothing can be written', { skip: MACHINES_SKIP }, async (t) => {
  // The program itself must stay where it is.
  const places = ['/tmp', '/var', '/run', '/dev/shm'].filter(
    (place) => !PROJECT_ROOT.startsWith(`${place}/`),
  );
  const prepare = `for place in ${places.join(' ')}; do mount -t tmpfs -o ro none $place; done; mount -o remount,ro,bind /`;
  assert.deepEqual(await everyCommand(t, { prepare }), NOTHING_SAID);
});

test('every command works without any environment', { skip: MACHINES_SKIP }, async (t) => {
  assert.deepEqual(await everyCommand(t, { within: ['/usr/bin/env', '-i'] }), NOTHING_SAID);
});

test(
  'a working directory that was deleted is told of, and nothing else happens',
  { skip: MACHINES_SKIP },
  async (t) => {
    const gone: Machine = { prepare: 'mkdir $scratch/gone; cd $scratch/gone; rmdir $scratch/gone' };
    const [help, reported, page] = await Promise.all([
      run(t, gone, ['--help']),
      run(t, gone, ['report', '--duration', '100ms', '--source', 'proc', '--log-format', 'json']),
      up(t, gone),
    ]);
    assert.equal(help.code, 0);
    assert.equal(reported.code, 0, reported.said.join('\n'));
    for (const { said } of [help, reported, page]) {
      assert.equal(said.length, 1);
      assert.match(said[0] ?? '', /working directory was deleted/);
    }
  },
);

test('a machine without /sys is told to mount it, and reads /proc', { skip: MACHINES_SKIP }, async (t) => {
  const machine: Machine = { prepare: 'mount -t tmpfs none /sys' };
  const [{ warnings }, { source, reason, checks }] = await Promise.all([
    report(t, machine, { source: 'auto' }),
    doctor(t, machine),
  ]);
  assert.equal(source, 'proc');
  for (const text of [warnings[0] ?? '', reason, checks.find(({ name }) => name === 'BTF')?.detail ?? ''])
    assert.match(text, /mount it|not built/);
});

test(
  'eBPF needs nothing of /sys but the types of the kernel',
  { skip: MACHINES_SKIP || ebpfSkip },
  async (t) => {
    const prepare = `
    cp /sys/kernel/btf/vmlinux $scratch
    mount -t tmpfs none /sys
    mkdir -p /sys/kernel/btf
    mv $scratch/vmlinux /sys/kernel/btf`;
    const [{ host }, { source, reason }] = await Promise.all([
      report(t, { prepare }, { source: 'ebpf' }),
      doctor(t, { prepare }),
    ]);
    assert.equal(host.latest('connection_source'), 'ebpf');
    assert.equal(source, 'ebpf', reason);
  },
);

test('without loopback the tracker is there all the same', { skip: MACHINES_SKIP || ebpfSkip }, async (t) => {
  const machine: Machine = { within: ['/usr/bin/unshare', '--net'] };
  const [{ host }, { source, checks }] = await Promise.all([
    report(t, machine, { source: 'auto' }),
    doctor(t, machine),
  ]);
  assert.equal(host.latest('connection_source'), 'ebpf');
  assert.equal(source, 'ebpf');
  const capture = checks.find(({ name }) => name === 'capture');
  assert.match(capture?.detail ?? '', /not tried: .*network is unreachable.*ip link set lo up/);
});

test('a user who is as nice as can be reads /proc', { skip: MACHINES_SKIP }, async (t) => {
  await report(t, { as: 'nameless user', within: ['/usr/bin/nice', '-n', '19'] });
});
