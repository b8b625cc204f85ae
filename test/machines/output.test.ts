/** Programs whose stdin, stdout or stderr is closed, full, or read by nobody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { programPath } from '../support/program.js';
import { everyCommand } from './commands.js';
import { MACHINES_SKIP, run, runUntil, runUntilServing, type Machine } from './machine.js';

const FULL = 'cannot write to standard output: no space left on device';
const ON_FULL_DISK: Machine = { prepare: 'exec >/dev/full' };

for (const args of [
  ['--help'],
  ['--version'],
  ['probe', '--help'],
  ['doctor'],
  ['doctor', '--json'],
  ['report', '--duration', '100ms', '--source', 'proc', '--log-format', 'json'],
]) {
  const command = args.slice(0, 2).join(' ');
  test(`${command}: what can't be printed is said in one line`, { skip: MACHINES_SKIP }, async (t) => {
    const { code, said } = await run(t, ON_FULL_DISK, args);
    assert.equal(code, 1);
    assert.equal(said.length, 1);
    assert.ok(said[0]?.startsWith(`topoprobe: ${FULL}; `), said.join('\n'));
  });
}

for (const args of [
  ['--help'],
  ['doctor'],
  ['report', '--duration', '100ms', '--source', 'proc', '--log-format', 'json'],
]) {
  test(`${args[0]}: who reads no further is no failure`, { skip: MACHINES_SKIP }, async (t) => {
    // The reader has gone before anything is written: the pipe's other end is closed by then.
    const within = ['/bin/sh', '-c', 'mkfifo $0; : <$0 & exec 3>$0; wait; exec "$@" >&3'];
    const prepare = 'cd $scratch';
    const { code, said } = await run(t, { prepare, within: [...within, 'pipe'] }, [...args]);
    assert.deepEqual([code, said], [0, []]);
  });
}

test('an app that can not print its address serves all the same', { skip: MACHINES_SKIP }, async (t) => {
  const args = ['app', '--listen', '127.0.0.1:0', '--log-format', 'json'];
  const { wasReady, code, warnings } = await runUntil(t, ON_FULL_DISK, args, /Dashboard: /);
  assert.ok(wasReady);
  assert.equal(code, 0);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^Dashboard: http.*no space left on device/);
});

for (const format of ['pretty', 'json']) {
  for (const [what, prepare] of [
    ['is on a full disk', 'exec 2>/dev/full'],
    ['is closed', 'exec 2>&-'],
  ] as const) {
    test(`a ${format} log that ${what} stops nothing`, { skip: MACHINES_SKIP }, async (t) => {
      const args = ['app', '--listen', '127.0.0.1:0', '--log-format', format];
      const { wasReady, code } = await runUntil(t, { prepare }, args, /^Dashboard: /);
      assert.ok(wasReady);
      assert.equal(code, 0);
    });
  }
}

for (const format of ['pretty', 'json']) {
  test(`a ${format} log goes on when its disk has room again`, { skip: MACHINES_SKIP }, async (t) => {
    const machine: Machine = {
      prepare: `
        mount -t tmpfs -o size=512k none $scratch
        cd $scratch
        exec 2>$scratch/log`,
      program: [process.execPath, programPath('log-on-full-disk')],
    };
    const { code, stdout } = await run(t, machine, [format]);
    assert.equal(code, 0);
    const told = JSON.parse(stdout) as { whileFull: number; logged: number; lost: number; lines: string[] };
    const { whileFull, logged, lost, lines } = told;
    assert.equal(whileFull, 0, 'the disk was full');
    assert.ok(lines.at(-1)?.includes('the disk has room again'), lines.join('\n'));
    assert.ok(lost > 0);
    const [toldLoss, ...others] = lines.filter((line) => line.includes(' lines of this log were lost'));
    assert.deepEqual(others, []);
    assert.match(
      toldLoss ?? '',
      new RegExp(`\\b${lost} lines of this log were lost, because they could not be written`),
    );
    const kept = lines.filter((line) => line.includes(' MARK '));
    assert.equal(kept.length + lost, logged, 'each line is there, or counted as lost');
  });
}

/** A reader that has gone before anything is written: the pipe's other end is closed by then. */
const unread = (descriptor: '1' | '2'): Machine => ({
  prepare: 'cd $scratch',
  within: ['/bin/sh', '-c', `mkfifo $0; : <$0 & exec 3>$0; wait; exec "$@" ${descriptor}>&3`, 'pipe'],
});
/** Commands that go on until they are stopped, and where each tells that it works. */
const ENDLESS: Record<string, (port: number) => { readonly args: readonly string[]; readonly path: string }> =
  {
    probe: (port) => ({
      args: ['probe', 'http://127.0.0.1:9', '--metrics-listen', `127.0.0.1:${port}`, '--source', 'proc'],
      path: '/readyz',
    }),
    up: (port) => ({ args: ['up', '--listen', `127.0.0.1:${port}`, '--source', 'proc'], path: '/ready' }),
    app: (port) => ({ args: ['app', '--listen', `127.0.0.1:${port}`], path: '/ready' }),
  };

for (const [command, endless] of Object.entries(ENDLESS)) {
  for (const [what, format, machine] of [
    ['stdout that is full', 'json', ON_FULL_DISK],
    ['stdout without a reader', 'json', unread('1')],
    ['log that is full', 'json', { prepare: 'exec 2>/dev/full' }],
    ['log that is full', 'pretty', { prepare: 'exec 2>/dev/full' }],
    ['log without a reader', 'json', unread('2')],
    ['log without a reader', 'pretty', unread('2')],
    ['stdout and a log that are full', 'pretty', { prepare: 'exec >/dev/full 2>&1' }],
  ] as const) {
    test(`${command} goes on with a ${what}, as ${format}`, { skip: MACHINES_SKIP }, async (t) => {
      const port = await freePort();
      const { args, path } = endless(port);
      const { code, wasServing } = await runUntilServing(
        t,
        machine,
        [...args, '--log-format', format],
        `http://127.0.0.1:${port}${path}`,
      );
      assert.deepEqual({ code, wasServing }, { code: 0, wasServing: true });
    });
  }
}

test('bad usage is bad usage where nobody can be told', { skip: MACHINES_SKIP }, async (t) => {
  const { code } = await run(t, { prepare: 'exec 2>/dev/full' }, ['nonsense']);
  assert.equal(code, 2);
});

test('every command works without a stdin', { skip: MACHINES_SKIP }, async (t) => {
  assert.deepEqual(await everyCommand(t, { prepare: 'exec 0<&-' }), { report: [], up: [], probe: [] });
});

test(
  'a stdout that is closed is no stdout: a report is made for nobody',
  { skip: MACHINES_SKIP },
  async (t) => {
    const args = ['report', '--duration', '100ms', '--source', 'proc', '--log-format', 'json'];
    const { code, stdout, said } = await run(t, { prepare: 'exec 1>&-' }, args);
    assert.deepEqual([code, stdout, said], [0, '', []]);
  },
);
