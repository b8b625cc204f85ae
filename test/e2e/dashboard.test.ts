/** What people see: `topoprobe up`, two processes that talk, and both with the edge between them in a real browser. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { programPath, startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { openPage } from '../web/browser.js';

/** A report every second, a window of fifteen: more than this is a fault, not slowness. */
const SEEN_WITHIN_MS = 60_000;

/** Programs named like this are nobody else's. */
const CLIENT = 'tp-e2e-client';
const SERVER = 'tp-e2e-server';

/** Node under another name, so that the processes can be told from all others on this machine. */
async function namedNode(t: TestContext, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'topoprobe-e2e-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  await symlink(process.execPath, path);
  return path;
}

void test('two processes that talk are rows with an edge between them, and have details', async (t) => {
  const up = await startProgram(t, [
    process.execPath,
    TOPOPROBE,
    'up',
    '--listen',
    '127.0.0.1:0',
    '--publish-interval',
    '1s',
  ]);
  const url = /^Dashboard: (http:\S+)$/.exec(up.firstLine)?.[1];
  assert.ok(url !== undefined, `first line is not the dashboard's URL: ${up.firstLine}`);

  const server = await startProgram(t, [await namedNode(t, SERVER), programPath('echo-server')]);
  const port = server.firstLine.split(/[\s:]/).at(-1) ?? '';
  const client = await startProgram(t, [
    await namedNode(t, CLIENT),
    programPath('held-connection'),
    '127.0.0.1',
    port,
  ]);

  const { page, complaints } = await openPage(t, url);
  const rowOf = (pid: number): ReturnType<typeof page.locator> => page.locator(`tr[data-node-id$=";${pid}"]`);
  await rowOf(client.pid).waitFor({ timeout: SEEN_WITHIN_MS });
  await rowOf(server.pid).waitFor({ timeout: SEEN_WITHIN_MS });
  assert.ok((await rowOf(client.pid).innerText()).includes(CLIENT));
  assert.ok((await rowOf(server.pid).innerText()).includes(SERVER));

  const edge = page.locator(`tr[data-edge-from$=";${client.pid}"][data-edge-to$=";${server.pid}"]`);
  await edge.waitFor({ timeout: SEEN_WITHIN_MS });
  assert.match(await edge.innerText(), new RegExp(`${CLIENT}[^]*→[^]*${SERVER}`));
  const backwards = page.locator(`tr[data-edge-from$=";${server.pid}"][data-edge-to$=";${client.pid}"]`);
  assert.equal(await backwards.count(), 0);

  await rowOf(server.pid).getByRole('button').click();
  const details = page.locator('#details');
  await details.getByText('Connections in').waitFor({ timeout: SEEN_WITHIN_MS });
  const text = await details.innerText();
  for (const part of [SERVER, CLIENT, port]) assert.ok(text.includes(part), `details lack ${part}:\n${text}`);

  await page.getByRole('button', { name: 'By name' }).click();
  await page
    .locator(`tr[data-edge-from$="${CLIENT}"][data-edge-to$="${SERVER}"]`)
    .waitFor({ timeout: SEEN_WITHIN_MS });
  await page.getByRole('button', { name: 'Hosts' }).click();
  await page.locator('tr[data-node-id$=";<host>"]').first().waitFor({ timeout: SEEN_WITHIN_MS });
  assert.deepEqual(complaints, []);
});
