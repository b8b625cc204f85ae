/** However the probe ends, no program, link or map of it stays in the kernel. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { heldBy, isOfKind, leftOf } from '../support/bpf-objects.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`nothing is left after ${signal}`, { skip: ebpfSkip }, async (t) => {
    const up = await startProgram(t, [
      process.execPath,
      TOPOPROBE,
      'up',
      '--listen',
      '127.0.0.1:0',
      '--source',
      'ebpf',
      '--log-level',
      'warn',
    ]);
    const held = new Set(heldBy(up.pid));
    for (const kind of ['prog', 'map', 'link'] as const) {
      assert.ok([...held].some(isOfKind(kind)), `the running probe holds a ${kind}`);
    }

    const exited = once(up.child, 'exit');
    up.child.kill(signal);
    await exited;

    assert.deepEqual(await leftOf(held), []);
    if (signal === 'SIGTERM') assert.equal(up.child.exitCode, 0);
  });
}
