/** Runs inside a virtual machine: every check, on the rung that the environment names. */
import { test } from 'node:test';
import { CHECKS } from '../checks/index.js';
import { rungByName } from '../rungs.js';

/** Far more than any takes in emulation. */
const CHECK_DEADLINE_MS = 90_000;

const rung = rungByName(process.env['TOPOPROBE_RUNG'] ?? 'files');
for (const { name, run } of CHECKS) test(name, { timeout: CHECK_DEADLINE_MS }, (t) => run(t, rung));
