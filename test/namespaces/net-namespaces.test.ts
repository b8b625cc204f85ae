/** Namespaces are looked for once per tick, however many go through them. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { NamespaceListing } from '../../src/probe/namespaces/net-namespaces.js';

/** A proc file system with one process; more can be added. */
function procOf(t: TestContext): { root: string; add: (pid: number) => void } {
  const root = mkdtempSync(join(tmpdir(), 'proc-'));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  const add = (pid: number): void => {
    const file = join(root, `namespace-of-${pid}`);
    writeFileSync(file, '');
    mkdirSync(join(root, String(pid), 'ns'), { recursive: true });
    symlinkSync(file, join(root, String(pid), 'ns/net'));
  };
  add(1);
  return { root, add };
}

test('who does not renew the listing gets what the last renewal found', async (t) => {
  const { root, add } = procOf(t);
  const listing = new NamespaceListing(root);
  const pids = (found: readonly { pid: number }[]): number[] => found.map(({ pid }) => pid);
  assert.deepEqual(pids(await listing.last()), [1], 'whoever comes first looks');
  add(2);
  assert.deepEqual(pids(await listing.last()), [1]);
  assert.deepEqual(pids(await listing.renew()), [1, 2]);
  assert.deepEqual(pids(await listing.last()), [1, 2]);
});

test('a listing that failed is told to all, and the next renewal tries again', async (t) => {
  const { root } = procOf(t);
  const path = join(root, 'later');
  const listing = new NamespaceListing(path);
  await assert.rejects(listing.renew());
  await assert.rejects(listing.last());
  mkdirSync(path);
  assert.deepEqual(await listing.renew(), []);
});
