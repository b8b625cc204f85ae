/** Every example of the README's API section works as it stands there, against a real app. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { LAUNCHER } from '../support/topoprobe.js';
import { runApp } from './running-app.js';
import { hostNode, makeReport } from './sample-reports.js';

const run = promisify(execFile);
const ROOT = dirname(dirname(LAUNCHER));
const ADDRESS = 'http://127.0.0.1:4040';

/** Lines of the shell examples of the section, in order. */
function examples(): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const section = /^## API\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  return Array.from(section.matchAll(/^```sh\n([\s\S]*?)^```/gm)).flatMap(([, block]) =>
    (block ?? '').split('\n').filter((line) => line.trim() !== ''),
  );
}

test('each line of the README’s API section succeeds', { timeout: 120_000 }, async (t) => {
  const lines = examples();
  assert.ok(lines.filter((line) => line.includes(ADDRESS)).length >= 15, lines.join('\n'));
  const app = await runApp(t);
  await app.report(makeReport({ Host: [hostNode(hostname())] }));
  const folder = mkdtempSync(join(tmpdir(), 'readme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(join(ROOT, 'bin'), join(folder, 'bin'));
  for (const line of lines) {
    // As it stands, but for the port, and so that an answer of 400 and more is a failure.
    const command = line.replaceAll(ADDRESS, app.url).replace(/^curl /, 'curl --fail-with-body -sS ');
    const { stdout } = await run('bash', ['-euc', command], { cwd: folder, maxBuffer: 1 << 28 });
    const isJson =
      /127\.0\.0\.1.*\/api\/(?!report|health)/.test(command) && !command.includes('--etag-compare');
    if (isJson) assert.doesNotThrow(() => void JSON.parse(stdout), line);
  }
  assert.ok(
    ((await app.get('/api/probes')).body as { id: string }[]).some(({ id }) => id === 'by-hand'),
    'the report sent by hand was taken in',
  );
});
