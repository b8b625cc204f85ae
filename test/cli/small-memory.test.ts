/** What keeps a probe small: the memory of busy moments goes back to the kernel, and what is not needed is not loaded. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { flagsOf } from '../support/launcher.js';

const ADDON_FILE = new URL('../../../native/build/ebpf_bridge.node', import.meta.url);
const addonSkip = { skip: existsSync(ADDON_FILE) ? false : 'needs the addon: it is not built' };
const module = (path: string): string => new URL(path, import.meta.url).href;
const SMALL_MEMORY = module('../../src/cli/small-memory.js');

/** What a program in a process of its own prints as JSON. */
async function told(program: string, flags: readonly string[] = []): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    '--input-type=module',
    '-e',
    program,
  ]);
  return JSON.parse(stdout) as unknown;
}

const MAKE_GARBAGE = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { Worker } from 'node:worker_threads';
  await new Promise((resolve) => new Worker('', { eval: true }).once('exit', resolve));
  let kept = [];
  for (let i = 0; i < 3_000_000; i++) {
    if (i % 100_000 === 0) kept = [];
    kept.push({ i });
  }
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  console.log(JSON.stringify(space.space_size));`;
const MIB = 1024 * 1024;

test('new objects stay in little memory, however many are made, and although other threads start', async (t) => {
  const large = await told(MAKE_GARBAGE);
  const small = await told(MAKE_GARBAGE, await flagsOf(t, 'probe'));
  assert.ok(Number(large) > 8 * MIB, `by default: ${String(large)} bytes`);
  assert.ok(Number(small) <= 4 * MIB, `${String(small)} bytes`);
});

const ADDON = module('../../../native/lib/memory/index.js');

/** How many MiB the heap proper grows by when large blocks are freed and allocated anew: glibc learns to keep them there. */
const HEAP_GROWTH = `
  import { readFileSync } from 'node:fs';
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const heapMib = () => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) .*\\[heap\\]$/m.exec(readFileSync('/proc/self/maps', 'utf8'));
    return (parseInt(to, 16) - parseInt(from, 16)) / 2 ** 20;
  };
  const blocks = () => Array.from({ length: 16 }, () => new ArrayBuffer(2 ** 21));
  blocks();
  for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
  const before = heapMib();
  const kept = blocks();
  console.log(JSON.stringify({ growth: heapMib() - before, kept: kept.length }));`;

test('importing the addon changes nothing of malloc; the probe asks for that', addonSkip, async () => {
  const growth = async (first: string): Promise<number> =>
    ((await told(`${first}${HEAP_GROWTH}`)) as { growth: number }).growth;
  const plain = await growth('');
  const imported = await growth(`import '${ADDON}';`);
  const probe = await growth(`import { keepMemorySmall } from '${SMALL_MEMORY}'; await keepMemorySmall();`);
  assert.ok(plain >= 24, `by default: ${plain} MiB of 32 stay in the heap`);
  assert.ok(imported >= 24, `imported: ${imported} MiB`);
  assert.ok(probe <= 4, `as a probe: ${probe} MiB`);
});

test('a probe that nobody scrapes does not load the metrics library', async () => {
  const loaded = (await told(`
    import { createRequire } from 'node:module';
    await import('${module('../../src/cli/main.js')}');
    await import('${module('../../src/cli/logger.js')}');
    const { createProbe } = await import('${module('../../src/probe/index.js')}');
    const { startSelfServer, Ticks } = await import('${module('../../src/probe/self/index.js')}');
    const observed = { sourceKind: () => 'ebpf', parts: [], apps: () => [] };
    const listen = { host: '127.0.0.1', port: 0 };
    const options = { listen, observed, ticks: new Ticks(), publishIntervalMs: 1000 };
    const server = await startSelfServer(options);
    const names = () => Object.keys(createRequire('${import.meta.url}').cache);
    const before = names();
    await (await fetch(new URL('/metrics', server.url))).text();
    const after = names();
    await server.close();
    console.log(JSON.stringify({ isRunnable: typeof createProbe === 'function', before, after }));
  `)) as { isRunnable: boolean; before: string[]; after: string[] };
  assert.ok(loaded.isRunnable);
  const isMetrics = (name: string): boolean => name.includes('/node_modules/prom-client/');
  assert.deepEqual(loaded.before.filter(isMetrics), []);
  assert.ok(loaded.after.some(isMetrics), 'the first scrape loads it');
});

test('a probe has not loaded fetch and what is behind it', async () => {
  const loaded = (await told(`
    import { keepMemorySmall } from '${SMALL_MEMORY}';
    await keepMemorySmall();
    await import('${module('../../src/cli/main.js')}');
    await import('${module('../../src/probe/index.js')}');
    console.log(JSON.stringify(process.moduleLoadList.filter((name) => /undici/.test(name))));
  `)) as string[];
  assert.deepEqual(loaded, []);
});

test('what starting took is given back', addonSkip, async (t) => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { releaseWhenStarted } from '${SMALL_MEMORY}';
    const anonymousKib = () => Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    let garbage = Array.from({ length: 400_000 }, (_, i) => ({ i }));
    const before = anonymousKib();
    if (garbage.length === 0) throw new Error('nothing to give back');
    garbage = undefined;
    releaseWhenStarted();
    const deadline = performance.now() + 20_000;
    while (anonymousKib() > before - 8192 && performance.now() < deadline) await sleep(100);
    console.log(JSON.stringify({ before, after: anonymousKib() }));`;
  const { before, after } = (await told(program, await flagsOf(t, 'probe'))) as {
    before: number;
    after: number;
  };
  assert.ok(after <= before - 8192, `${before} KiB became ${after}`);
});
