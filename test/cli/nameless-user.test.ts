/** `doctor` answers for a user without a name, as containers often have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topoprobe } from '../support/topoprobe.js';

const NAMELESS = 54_321;

test(
  'doctor says the number of a user that has no name',
  { skip: process.getuid?.() === 0 ? false : 'needs root: runs as another user' },
  async () => {
    const { code, stdout, stderr } = await topoprobe(['doctor'], { uid: NAMELESS, gid: NAMELESS });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^user +uid 54321, without a name$/m);
  },
);
