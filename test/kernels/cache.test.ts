/** What was downloaded in part is not taken for the whole. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CACHE, cached } from './host/cache.js';

async function namesOf(name: string): Promise<string[]> {
  return existsSync(CACHE) ? (await readdir(CACHE)).filter((file) => file.startsWith(name)) : [];
}

function ownName(t: TestContext): string {
  const name = `test-${randomBytes(6).toString('hex')}`;
  t.after(async () => {
    for (const each of await namesOf(name)) await rm(join(CACHE, each), { recursive: true });
  });
  return name;
}

test('what fails half-way leaves nothing, and is made again', async (t) => {
  const name = ownName(t);
  const half = cached(name, ['a'], async (folder) => {
    await writeFile(join(folder, 'data'), 'ha');
    throw new Error('the connection broke');
  });
  await assert.rejects(half, /the connection broke/);
  assert.deepEqual(await namesOf(name), []);
  const whole = await cached(name, ['a'], (folder) => writeFile(join(folder, 'data'), 'whole'));
  assert.equal(await readFile(join(whole, 'data'), 'utf8'), 'whole');
});

test('what is there is not made again, unless it is to be made of something else', async (t) => {
  const name = ownName(t);
  let made = 0;
  const make = (): Promise<void> => {
    made++;
    return Promise.resolve();
  };
  const first = await cached(name, ['a'], make);
  assert.equal(await cached(name, ['a'], make), first);
  assert.equal(made, 1);
  assert.notEqual(await cached(name, ['a', 'b'], make), first);
  assert.equal(made, 2);
});

test('two that make the same at once have one of them', async (t) => {
  const name = ownName(t);
  let other = '';
  const mine = await cached(name, ['a'], async (folder) => {
    await writeFile(join(folder, 'data'), 'mine');
    other = await cached(name, ['a'], (again) => writeFile(join(again, 'data'), 'other'));
  });
  assert.equal(mine, other);
  assert.equal(await readFile(join(mine, 'data'), 'utf8'), 'other');
});
