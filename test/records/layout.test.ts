/** What TypeScript reads records by follows native/bpf/record.h, and the compiled addon is of the same version. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordLayoutDigest } from 'ebpf-bridge/ebpf';
import { PROJECT_ROOT } from '../../src/cli/installation.js';
import { LAYOUT_DIGEST } from '../../src/probe/records/layout.js';

interface Generated {
  readonly typescript: string;
  readonly cpp: string;
}

const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const HEADER = read('native/bpf/record.h');
const TYPESCRIPT = 'src/probe/records/layout.ts';
const CPP = 'native/src/ebpf/record_layout.h';
const { generateLayout } = (await import(join(PROJECT_ROOT, 'scripts/generate-layout.mjs'))) as {
  generateLayout: (header: string) => Promise<Generated>;
};
const isBuilt = existsSync(join(PROJECT_ROOT, 'native/build/ebpf_bridge.node'));

/** What is generated from the header after one change. */
function generatedAfter(from: string, to: string): Promise<Generated> {
  assert.ok(HEADER.includes(from), from);
  return generateLayout(HEADER.replace(from, to));
}

test('the layout that is checked in is that of the header', async () => {
  const { typescript, cpp } = await generateLayout(HEADER);
  assert.equal(read(TYPESCRIPT), typescript, `${TYPESCRIPT} is stale: run make layout`);
  assert.equal(read(CPP), cpp, `${CPP} is stale: run make layout`);
});

test('the addon was compiled with this layout', { skip: isBuilt ? false : 'needs the addon' }, () => {
  assert.equal(recordLayoutDigest(), LAYOUT_DIGEST);
});

const CHANGES: readonly (readonly [what: string, from: string, to: string, shown: RegExp])[] = [
  [
    'a field that becomes wider',
    '__u16 error;',
    '__u32 error;',
    /u32: Linux errno [^]*?error = 100,[^]*direction = 104,/,
  ],
  [
    'a field that becomes signed',
    '__u32 pid;',
    '__s32 pid;',
    /s32: process \(tgid\) that uses[^]*?pid = 76,/,
  ],
  ['a new field', '__u32 netns;', '__u32 netns;\n    __u32 zone;', /zone = 76,[^]*pid = 80,/],
  ['a field that is padded for', '__u8 reserved;\n', '', /pidStartNanos = 112,/],
  ['another value', 'TP_FLAG_BRIEF = 64', 'TP_FLAG_BRIEF = 512', /Brief = 512,/],
];

for (const [what, from, to, shown] of CHANGES) {
  test(`${what} shows in what TypeScript reads, in what C++ asserts, and in the digest`, async () => {
    const { typescript, cpp } = await generatedAfter(from, to);
    assert.match(typescript, shown);
    assert.notEqual(cpp, read(CPP));
    assert.ok(!typescript.includes(LAYOUT_DIGEST) && !cpp.includes(LAYOUT_DIGEST));
  });
}

test('what is beyond the grammar is refused with its text', async () => {
  const refused: readonly (readonly [from: string, to: string, message: RegExp])[] = [
    ['__u32 netns;', 'int netns;', /"int netns" of struct tp_record is of no known type/],
    ['TP_FLAG_SEEDED = 2', 'TP_FLAG_SEEDED', /"TP_FLAG_SEEDED" of enum tp_flag has no value/],
    ['TP_FLAG_UNTRACKED = 128,', 'TP_FLAG_UNTRACKED = 128', /"TP_FLAG_UNTRACKED = 128" is no declaration/],
    ['struct tp_holder {', 'struct holder {', /has no struct tp_holder/],
    ['TP_PID_USE = 5', 'TP_PID_USE = 9', /tp_pid_evidence does not count from 0/],
  ];
  for (const [from, to, message] of refused) await assert.rejects(generatedAfter(from, to), message);
});

test('constants of the layout are compiled into hot loops as literals: nothing is imported for them', () => {
  for (const file of [
    'connection-tracker',
    'passed-connections',
    'flow-lookup',
    'flow-evidence',
    'orientation',
  ]) {
    const compiled = read(`build/src/probe/flows/${file}.js`);
    assert.match(compiled, /\d+ \/\* (RECORD|WORD|HALF|BYTE|Flag|TcpState)\.\w+ \*\//, file);
    assert.doesNotMatch(compiled, /records\/(layout|tcp-state)\.js/, file);
  }
});
