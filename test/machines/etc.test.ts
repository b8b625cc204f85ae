/** Machines whose /etc lacks files: images often have no users, no hosts, no resolv.conf, no time zones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctor, everyCommand, report } from './commands.js';
import { MACHINES_SKIP, NAMELESS_UID, type Machine } from './machine.js';

const FILES = [
  'passwd',
  'group',
  'hosts',
  'resolv.conf',
  'nsswitch.conf',
  'machine-id',
  'localtime',
  'hostname',
] as const;

/** /etc with a change that nobody else sees. */
const changed = (change: string): string => `
  mkdir $scratch/upper $scratch/work
  mount -t overlay -o lowerdir=/etc,upperdir=$scratch/upper,workdir=$scratch/work none /etc
  cd /etc; ${change}; cd /`;
const NAMELESS = `uid ${NAMELESS_UID} (without a name in /etc/passwd)`;
const NO_SERVER = /^\/etc\/resolv\.conf can't be read \((ENOENT|EACCES)\): .*--dns-server/;

for (const file of FILES) {
  test(
    `a machine without /etc/${file}, or with one that may not be read`,
    { skip: MACHINES_SKIP },
    async (t) => {
      const machines: readonly Machine[] = [
        { prepare: changed(`rm -f ${file}`) },
        { prepare: changed(`rm -f ${file}; touch ${file}; chmod 000 ${file}`), as: 'nameless user' },
      ];
      const lacks = file === 'resolv.conf' ? 1 : 0;
      for (const { warnings } of await Promise.all(machines.map((machine) => report(t, machine)))) {
        assert.equal(warnings.filter((line) => NO_SERVER.test(line)).length, lacks);
        assert.equal(warnings.length, lacks, warnings.join('\n'));
      }
    },
  );
}

test('doctor tells a user without a name by number', { skip: MACHINES_SKIP }, async (t) => {
  const [here, without, root] = await Promise.all([
    doctor(t, { as: 'nameless user' }),
    doctor(t, { prepare: changed('rm passwd'), as: 'nameless user' }),
    // Some machines know root's name by other means.
    doctor(t, { prepare: changed('rm passwd nsswitch.conf') }),
  ]);
  assert.equal(here.user, NAMELESS);
  assert.equal(without.user, NAMELESS);
  assert.match(root.user, /^(root \(uid 0\)|uid 0 \(without a name in \/etc\/passwd\))$/);
});

for (const as of ['root', 'nameless user'] as const) {
  test(`every command works with an empty /etc, as ${as}`, { skip: MACHINES_SKIP }, async (t) => {
    const warnings = await everyCommand(t, { prepare: 'mount -t tmpfs none /etc', as });
    for (const said of Object.values(warnings))
      assert.equal(said.filter((line) => NO_SERVER.test(line)).length, 1, said.join('\n'));
  });
}

test('a resolv.conf that names no server is told of', { skip: MACHINES_SKIP }, async (t) => {
  const { warnings } = await report(t, {
    prepare: changed('rm resolv.conf; echo search example > resolv.conf'),
  });
  assert.match(warnings[0] ?? '', /^\/etc\/resolv\.conf names no DNS server/);
});

for (const args of [
  ['--dns', 'off'],
  ['--dns-server', '127.0.0.2'],
]) {
  test(`nobody needs a resolv.conf with ${args.join(' ')}`, { skip: MACHINES_SKIP }, async (t) => {
    const { warnings } = await report(t, { prepare: changed('rm resolv.conf') }, { args });
    assert.deepEqual(warnings, []);
  });
}
