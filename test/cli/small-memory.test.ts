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

const ADDON = module('../../../native/lib/index.js');
const RELEASE_ALL = `
  import { readFileSync, openSync, readSync, writeSync } from 'node:fs';
  import { PROGRAM_PAGE_TURNS, releaseProgramPages } from '${ADDON}';
  const ofFiles = () => Number(/RssFile:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  async function releaseAll() {
    let released = 0;
    for (let turn = 0; turn < PROGRAM_PAGE_TURNS; turn++) released += await releaseProgramPages(turn);
    return released;
  }`;

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

test('pages of the program that are not used go, those that are used come back', addonSkip, async () => {
  const { before, after, released, again } = (await told(`${RELEASE_ALL}
    const before = ofFiles();
    const released = await releaseAll();
    const after = ofFiles();
    const again = JSON.parse(JSON.stringify(Array.from({ length: 1000 }, (_, i) => i))).length;
    console.log(JSON.stringify({ before, after, released, again }));
  `)) as Record<'before' | 'after' | 'released' | 'again', number>;
  assert.ok(released > 8 * MIB, `${released} bytes`);
  assert.ok(before - after > 8 * MIB, `${before} bytes of files before, ${after} after`);
  assert.equal(again, 1000);
});

test('they go by and by, until the program ends', addonSkip, async () => {
  const { before, after } = (await told(`${RELEASE_ALL}
    import { releaseUnusedProgramPages } from '${SMALL_MEMORY}';
    const before = ofFiles();
    const stop = releaseUnusedProgramPages(1);
    let after = before;
    for (let looks = 0; looks < 1000 && before - after < ${8 * MIB}; looks++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      after = ofFiles();
    }
    stop();
    console.log(JSON.stringify({ before, after }));
  `)) as Record<'before' | 'after', number>;
  assert.ok(before - after >= 8 * MIB, `${before} bytes of files before, ${after} after`);
});

test('a page of the program that was written to stays as it is', addonSkip, async () => {
  // A debugger's breakpoint is set in the same way. The padding in an ELF header means nothing to anybody.
  const kept = await told(`${RELEASE_ALL}
    const PADDING = 15;
    const maps = readFileSync('/proc/self/maps', 'utf8');
    const headers = [...maps.matchAll(/^(\\w+)-\\w+ r--p 00000000 .*\\/(?:node|ebpf_bridge\\.node|libc\\.so\\.6)$/gm)];
    const memory = openSync('/proc/self/mem', 'r+');
    const places = headers.map(([, start]) => parseInt(start, 16) + PADDING);
    for (const place of places) writeSync(memory, Buffer.from([0x5a]), 0, 1, place);
    await releaseAll();
    const read = (place) => {
      const byte = Buffer.alloc(1);
      readSync(memory, byte, 0, 1, place);
      return byte[0];
    };
    console.log(JSON.stringify(places.map(read)));
  `);
  assert.ok(Array.isArray(kept) && kept.length >= 2, JSON.stringify(kept));
  assert.deepEqual(new Set(kept), new Set([0x5a]));
});

test('a probe that nobody scrapes does not load the metrics library', async () => {
  const loaded = (await told(`
    import { createRequire } from 'node:module';
    await import('${module('../../src/cli/main.js')}');
    await import('${module('../../src/cli/logger.js')}');
    const { startProbe } = await import('${module('../../src/cli/start-probe.js')}');
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
    console.log(JSON.stringify({ isRunnable: typeof startProbe === 'function', before, after }));
  `)) as { isRunnable: boolean; before: string[]; after: string[] };
  assert.ok(loaded.isRunnable);
  const isMetrics = (name: string): boolean => name.includes('/node_modules/prom-client/');
  assert.deepEqual(loaded.before.filter(isMetrics), []);
  assert.ok(loaded.after.some(isMetrics), 'the first scrape loads it');
});
