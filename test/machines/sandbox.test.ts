/** A sandbox that refuses netlink: no list of interfaces, no sockets by netlink, no connection tracking. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startNodeProgram } from '../support/program.js';
import { doctor, everyCommand, report } from './commands.js';
import { MACHINES_SKIP, type Machine } from './machine.js';

const WITHOUT_NETLINK = fileURLToPath(new URL('../../without-netlink', import.meta.url));
const SANDBOX: Machine = { within: [WITHOUT_NETLINK] };
const SKIP = MACHINES_SKIP || (existsSync(WITHOUT_NETLINK) ? false : 'build/without-netlink is not built');

test('every command works without netlink, and says what is lost', { skip: SKIP }, async (t) => {
  const warnings = await everyCommand(t, SANDBOX);
  assert.equal(warnings.report.length, 1, warnings.report.join('\n'));
  assert.match(warnings.report[0] ?? '', /cannot list this machine's network interfaces; .*AF_NETLINK/);
});

test('connections are reported without netlink', { skip: SKIP }, async (t) => {
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine]);
  const [{ stdout }, { checks }] = await Promise.all([report(t, SANDBOX), doctor(t, SANDBOX)]);
  assert.ok(stdout.includes(`127.0.0.1;${server.firstLine}`), 'the server is an endpoint');
  assert.match(checks.find(({ name }) => name === 'conntrack')?.detail ?? '', /netlink/);
});
