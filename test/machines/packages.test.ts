/** What make installs first, on machines where it can't: the first line says all that is missing. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { LAUNCHER } from '../support/topoprobe.js';
import { MACHINES_SKIP, run, type Machine } from './machine.js';

const PROJECT = dirname(dirname(LAUNCHER));
/** /usr/bin without some commands, and no other folder of programs. */
const hide = (...commands: readonly string[]): string => `
  mkdir $scratch/upper $scratch/work
  mount -t overlay -o lowerdir=/usr/bin,upperdir=$scratch/upper,workdir=$scratch/work none /usr/bin
  rm -f ${commands.map((name) => `/usr/bin/${name}`).join(' ')}
  export PATH=/usr/bin`;
const NOTHING_INSTALLED = hide('dpkg-query', 'npm');
const NO_MODULES = `mount -t tmpfs none ${join(PROJECT, 'node_modules')}`;
const FOR_THE_BUILD = /g\+\+ make clang-14 libbpf-dev libelf-dev libatomic1 nodejs npm/;

/** Never as root: a fault in what is tested would have apt install things here. */
const installer = (prepare: string): Machine => ({
  prepare,
  as: 'nameless user',
  program: ['/bin/bash', join(PROJECT, 'scripts/install-packages.sh')],
});

for (const [what, machine, why] of [
  ['an ordinary user', installer(`${NOTHING_INSTALLED}\n${NO_MODULES}`), /not root/],
  [
    'a machine without apt',
    installer(`${hide('dpkg-query', 'npm', 'apt-get')}\n${NO_MODULES}`),
    /no apt-get/,
  ],
] as const) {
  test(
    `${what} without npm is told in one line of everything, and no more is tried`,
    { skip: MACHINES_SKIP },
    async (t) => {
      const { code, said } = await run(t, machine, ['build', 'test']);
      assert.equal(code, 1);
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0] ?? '', why);
      assert.match(said[0] ?? '', FOR_THE_BUILD);
      assert.match(said[0] ?? '', /chromium .*python3 .*without it nothing can be built/);
    },
  );
}

test('an ordinary user with npm is told the same, and goes on', { skip: MACHINES_SKIP }, async (t) => {
  const { code, said } = await run(t, installer(hide('dpkg-query')), ['build']);
  assert.equal(code, 0);
  assert.equal(said.length, 1, said.join('\n'));
  assert.match(
    said[0] ?? '',
    /not root, .*: g\+\+ make clang-14 libbpf-dev libelf-dev libatomic1 \(going on/,
  );
});

test('nobody needs npm any more where it has done its work', { skip: MACHINES_SKIP }, async (t) => {
  const { code } = await run(t, installer(NOTHING_INSTALLED), ['build']);
  assert.equal(code, 0);
});
