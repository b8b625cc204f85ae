/** Bodies made to be expensive are refused in little memory. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HEAP_MEGABYTES = 48;
const program = fileURLToPath(new URL('./decode-hostile-bodies.js', import.meta.url));

test(`expensive bodies are decoded or refused in a heap of ${HEAP_MEGABYTES} MB`, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    `--max-old-space-size=${HEAP_MEGABYTES}`,
    program,
  ]);
  assert.deepEqual(JSON.parse(stdout), {
    'a list of four billion': 'TRUNCATED',
    'a map of four billion nodes': 'TRUNCATED',
    'a text of four gigabytes': 'TEXT_TOO_LONG',
    'lists in lists': 'TOO_DEEP',
    'lists in lists nobody reads': 'TOO_DEEP',
    'a million nodes': 'TOO_MANY_NODES',
    'a million facts': 'TOO_MANY_ENTRIES',
    'empty maps by the million': 'TOO_MANY_ENTRIES',
    'empty maps nobody reads, with all the entries they want': 'read',
    'empty flows by the million': 'TOO_MANY_ENTRIES',
    'flows by the million': 'TOO_MANY_ENTRIES',
    'a flow of a million ports': 'TOO_MANY_ENTRIES',
    'JSON lists in lists': 'TOO_DEEP',
    'JSON maps by the million': 'TOO_MANY_ENTRIES',
    'JSON backslashes': 'TEXT_TOO_LONG',
    'JSON quotes': 'TEXT_TOO_LONG',
  });
});
