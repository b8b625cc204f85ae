/** Machines without a host name, or with one that others have: a report says no wrong name without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app, probe, report, up } from './commands.js';
import { MACHINES_SKIP, run, type Machine } from './machine.js';

/** A newline ends the name, so that nothing before it is the empty one. */
const called = (name: string): Machine => ({
  prepare: `printf '%s\\n' '${name}' > /proc/sys/kernel/hostname`,
});

for (const name of ['', '(none)', 'a;b', 'a b']) {
  test(`a machine called '${name}' gets a name, which is told`, { skip: MACHINES_SKIP }, async (t) => {
    const { host, warnings } = await report(t, called(name));
    const madeUp = host.latest('host_name') ?? '';
    assert.match(madeUp, /^unnamed-[0-9a-f]{8}$/);
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.ok(warnings[0]?.includes(`called ${madeUp}: give it one with --hostname`), warnings.join('\n'));
  });
}

test('every command that tells the name says once that there is none', { skip: MACHINES_SKIP }, async (t) => {
  const outcomes = await Promise.all([app, up, probe].map((command) => command(t, called(''))));
  for (const { warnings } of outcomes)
    assert.equal(
      warnings.filter((line) => line.includes('no usable host name')).length,
      1,
      warnings.join('\n'),
    );
});

test(
  'the name that is made up lasts until the next boot, and can be chosen',
  { skip: MACHINES_SKIP },
  async (t) => {
    const [first, second, chosen] = await Promise.all([
      report(t, called('')),
      report(t, called('')),
      report(t, called(''), { args: ['--hostname', 'web-1.example'] }),
    ]);
    assert.equal(first.host.id, second.host.id);
    assert.equal(chosen.host.id, 'web-1.example;<host>');
    assert.deepEqual(chosen.warnings, []);
  },
);

test(
  'a nameless machine that hides its boot id has a name all the same',
  { skip: MACHINES_SKIP },
  async (t) => {
    const { prepare = '' } = called('');
    const { host } = await report(t, { prepare: `${prepare}; mount -t tmpfs none /proc/sys/kernel/random` });
    assert.match(host.id, /^unnamed-[0-9a-f]{8};/);
  },
);

test('localhost is told to be no name for one of many', { skip: MACHINES_SKIP }, async (t) => {
  const { host, warnings } = await report(t, called('localhost'));
  assert.equal(host.latest('host_name'), 'localhost');
  assert.match(warnings[0] ?? '', /called localhost, as others are.*--hostname/);
});

for (const name of ['', 'a;b', 'a b', '(none)']) {
  test(`--hostname '${name}' is refused`, { skip: MACHINES_SKIP }, async (t) => {
    const { code, said } = await run(t, {}, ['report', '--hostname', name]);
    assert.equal(code, 2);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /is not a host name such as/);
  });
}
