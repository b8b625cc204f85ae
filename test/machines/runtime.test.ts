/** Machines on which the Node.js that came with the program does not start, with and without another one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { doctor, everyCommand, report } from './commands.js';
import { MACHINES_SKIP, run, type Machine } from './machine.js';
import { LAUNCHER } from '../support/topoprobe.js';

const PINNED = join(dirname(dirname(LAUNCHER)), `node_modules/node-linux-${process.arch}`);
const skip = MACHINES_SKIP || (existsSync(PINNED) ? false : 'the program has no Node.js of its own here');

/** Where the loader finds a library of the pinned Node.js. */
function libraryPath(name: string): string {
  const listed = execFileSync('ldd', [join(PINNED, 'bin/node')], { encoding: 'utf8' });
  return (
    new RegExp(`${name.replaceAll('.', '\\.').replaceAll('+', '\\+')} => (\\S+)`).exec(listed)?.[1] ??
    assert.fail(name)
  );
}

/** Takes libraries away: their folder has another layer, in which they are gone. */
function without(name: string): string {
  const folder = '$(dirname "$(realpath "$library")")';
  return `
    library=${libraryPath(name)}
    folder=${folder}
    mkdir -p $scratch/libraries $scratch/upper $scratch/work
    cp -L $library $scratch/libraries/
    mount -t overlay -o lowerdir=$folder,upperdir=$scratch/upper,workdir=$scratch/work none $folder
    rm $folder/${name}*`;
}

/** Puts a program called node on the PATH, before all others. */
const withNode = (script: string): string => `
    mkdir $scratch/path
    cat > $scratch/path/node <<'EOF'
#!/bin/sh
${script}
EOF
    sed -i "s|SCRATCH|$scratch|g" $scratch/path/node
    chmod 755 $scratch/path/node $scratch
    PATH=$scratch/path:$PATH`;

const WITHOUT_ATOMIC = skip === false ? without('libatomic.so.1') : '';
/** The machine's own: a copy of ours, which has its libraries elsewhere. */
const OWN_NODE = `
    mkdir -p $scratch/copy $scratch/libraries
    cp ${process.execPath} $scratch/copy/
    ${withNode('LD_LIBRARY_PATH=SCRATCH/libraries exec SCRATCH/copy/node "$@"')}`;
const launched = (...prepare: readonly string[]): Machine => ({
  prepare: prepare.join('\n'),
  program: [LAUNCHER],
});

for (const [what, machine, found] of [
  ['an older Node.js', [withNode('echo v20.20.2')], /node: v20\.20\.2\)/],
  ['no Node.js', ['PATH=/nowhere'], /there is no node on the PATH/],
  ['a Node.js that does not start either', [withNode('echo broken >&2; exit 1')], /node: broken\)/],
] as const) {
  test(`without libatomic1 and with ${what}, one line says what to install`, { skip }, async (t) => {
    const { code, stdout, said } = await run(t, launched(WITHOUT_ATOMIC, ...machine), ['report']);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(said.length, 1, said.join('\n'));
    assert.match(said[0] ?? '', /libatomic\.so\.1: cannot open shared object file/);
    assert.match(said[0] ?? '', /: install libatomic1 .*, or Node\.js 26 or later$/);
    assert.match(said[0] ?? '', found);
  });
}

test('without libstdc++6 one line says that it is missing', { skip }, async (t) => {
  const machine = launched(without('libstdc++.so.6'), 'PATH=/nowhere');
  const { code, said } = await run(t, machine, ['report']);
  assert.equal(code, 1);
  assert.match(said.join('\n'), /^topoprobe: .*libstdc\+\+\.so\.6.*install .*libstdc\+\+6/);
});

test(
  'without libatomic1 every command works on the machine’s own Node.js, and doctor says why',
  { skip },
  async (t) => {
    const machine = launched(WITHOUT_ATOMIC, OWN_NODE);
    await everyCommand(t, machine);
    const { checks } = await doctor(t, machine);
    const check = checks.find(({ name }) => name === 'Node.js');
    assert.equal(check?.status, 'refused');
    assert.match(check.detail, /its own does not start: .*libatomic\.so\.1.*; install .*libatomic1/);
  },
);

for (const [what, hide] of [
  ['is not installed', `mount -t tmpfs none ${PINNED}`],
  ['may not be executed', `mount --bind ${PINNED} ${PINNED}; mount -o remount,bind,noexec ${PINNED}`],
  // What an old C library says, which can't be had here; the launcher has nothing to go by but that.
  [
    'wants a newer C library',
    `mount -t tmpfs none ${PINNED}; mkdir ${PINNED}/bin; printf '#!/bin/sh\\necho "node: /lib/libc.so.6: version GLIBC_2.99 not found" >&2; exit 1' > ${PINNED}/bin/node; chmod 755 ${PINNED}/bin/node`,
  ],
  // As on musl: the file is there, its loader is not.
  [
    'has no loader here',
    `mount -t tmpfs none ${PINNED}; mkdir ${PINNED}/bin; echo '#!/lib/no-such-loader.so' > ${PINNED}/bin/node; chmod 755 ${PINNED}/bin/node`,
  ],
] as const) {
  test(
    `one that ${what} is passed over for the machine's own, else one line says so`,
    { skip },
    async (t) => {
      const { host } = await report(t, launched(OWN_NODE, hide));
      assert.notEqual(host.id, '');
      const { code, said } = await run(t, launched(hide, withNode('echo v18.20.8')), ['report']);
      assert.equal(code, 1);
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0] ?? '', /own Node\.js does not start.*v18\.20\.8.*install Node\.js 26 or later/);
    },
  );
}
