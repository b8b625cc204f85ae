/**
 * A root file system with nothing in it but Node, the libraries it is linked with and the built program: no users, no
 * /etc, no /tmp, no /dev, no shell. It is read-only, and made of mounts that are gone when the command ends.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ebpfSkip } from '../ebpf/requirements.js';
import { app, doctor, everyCommand, report, texts } from './commands.js';
import { MACHINES_SKIP, NAMELESS_UID, run, runUntil, type Machine } from './machine.js';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
const LIBRARY = /(\/\S+) \(0x/g;
const LOG = ['--log-format', 'json'];

function librariesOf(binary: string): string[] {
  const text = execFileSync('ldd', [binary], { encoding: 'utf8' });
  return Array.from(text.matchAll(LIBRARY), ([, path = '']) => path);
}

/** @param mounts commands that make more of it; `$root` is where it is */
function bareRoot(uid: number, mounts = ''): Machine {
  const files = new Set([process.execPath, ...librariesOf(process.execPath)]);
  const prepare = `
    root=$scratch
    mount -t tmpfs none $root
    for file in ${[...files].join(' ')}; do
      mkdir -p $root\${file%/*}; touch $root$file; mount --bind $file $root$file
    done
    mkdir $root/proc $root/sys $root/topoprobe
    mount --bind ${PROJECT} $root/topoprobe
    ${mounts}
    mount -o remount,ro $root
    cd $root`;
  return {
    prepare,
    within: ['/usr/sbin/chroot', `--userspec=${uid}:${uid}`, '--groups=', '.'],
    program: [process.execPath, '/topoprobe/build/src/cli/start.js'],
  };
}

for (const uid of [0, NAMELESS_UID]) {
  test(`every command works in a bare root with /proc, as uid ${uid}`, { skip: MACHINES_SKIP }, async (t) => {
    const machine = bareRoot(uid, 'mount -t proc proc $root/proc');
    const warnings = await everyCommand(t, machine);
    assert.equal(warnings.report.length, 1, warnings.report.join('\n'));
    assert.match(warnings.report[0] ?? '', /^\/etc\/resolv\.conf can't be read/);
    const { user } = await doctor(t, machine);
    assert.equal(user, `uid ${uid} (without a name in /etc/passwd)`);
  });

  test(
    `without /proc and /sys, too, uid ${uid} is told what to mount`,
    { skip: MACHINES_SKIP },
    async (t) => {
      const machine = bareRoot(uid);
      const commands = [
        ['report', ...LOG],
        ['probe', ...LOG, '--metrics-listen', 'off'],
        ['up', ...LOG, '--listen', '127.0.0.1:0'],
      ];
      const outcomes = await Promise.all([
        ...commands.map((args) => runUntil(t, machine, args, /watching connections/)),
        run(t, machine, ['doctor']),
        app(t, machine),
        texts(t, machine),
      ]);
      for (const outcome of outcomes.slice(0, commands.length + 1)) {
        assert.ok(outcome !== undefined);
        assert.equal(outcome.code, 1);
        assert.equal(outcome.said.length, 1, outcome.said.join('\n'));
        assert.match(outcome.said[0] ?? '', /--proc-root.*eBPF|no source of connections/);
      }
      const { reason } = await doctor(t, machine);
      assert.match(reason, /mount it|not built/);
      assert.match(reason, /--proc-root/);
    },
  );
}

test('eBPF works in a bare root with /proc and /sys', { skip: MACHINES_SKIP || ebpfSkip }, async (t) => {
  const machine = bareRoot(0, 'mount -t proc proc $root/proc; mount -t sysfs sysfs $root/sys');
  const { host } = await report(t, machine, { source: 'ebpf' });
  assert.equal(host.latest('connection_source'), 'ebpf');
});
