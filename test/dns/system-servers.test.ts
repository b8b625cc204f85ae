/** The servers of resolv.conf are those that it names now, whenever and however it is rewritten. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createReverseResolver, SystemServers, type ReverseResolver } from '../../src/probe/dns/index.js';
import { until } from '../publish/shipping.js';
import { ptr, startScriptedServer, type ScriptedServer } from './scripted-server.js';

const ADDRESS = '10.1.2.3';

interface Followed {
  readonly path: string;
  readonly resolver: ReverseResolver;
  readonly warnings: readonly string[];
}

function follow(t: TestContext, text: string): Followed {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-resolv-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, 'resolv.conf');
  writeFileSync(path, text);
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  const resolver = createReverseResolver({
    system: new SystemServers({ path, rereadMs: 1, warn }),
    limits: { ratePerSecond: 1000, timeoutMs: 200 },
  });
  t.after(() => resolver.close());
  return { path, resolver, warnings };
}

/** Answers each question with this name. */
const serverOf = (t: TestContext, name: string): Promise<ScriptedServer> =>
  startScriptedServer(t, (asked) => {
    asked.answer([ptr(asked.name, name, 3600)]);
  });

const isNamed =
  ({ resolver }: Followed, name: string): (() => boolean) =>
  () =>
    resolver.names(ADDRESS)?.[0] === name;

const REWRITES: Record<string, (path: string, text: string) => void> = {
  'is written over': (path, text) => {
    writeFileSync(path, text);
  },
  'is replaced by another file': (path, text) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  },
  'becomes a link to another file': (path, text) => {
    writeFileSync(`${path}.elsewhere`, text);
    unlinkSync(path);
    symlinkSync(`${path}.elsewhere`, path);
  },
};

for (const [how, rewrite] of Object.entries(REWRITES)) {
  test(`names come from the new server when the file ${how}`, async (t) => {
    const [before, after] = [await serverOf(t, 'before.example'), await serverOf(t, 'after.example')];
    const followed = follow(t, `search example\nnameserver ${before.server}\n`);
    await until('the first server is asked', isNamed(followed, 'before.example'));
    rewrite(followed.path, `# by hand\nnameserver\t${after.server}\noptions edns0\n`);
    await until('the new server is asked', isNamed(followed, 'after.example'));
    const { length } = before.asked;
    assert.equal(followed.resolver.names('10.9.9.9'), undefined);
    await until('another address is asked for', () => followed.resolver.names('10.9.9.9') !== undefined);
    assert.equal(before.asked.length, length, 'the old server is left alone');
    assert.deepEqual(followed.warnings, []);
  });
}

test('a name that no server was there for is asked for when there is one', async (t) => {
  const server = await serverOf(t, 'a.example');
  const followed = follow(t, 'nameserver 127.0.0.1:9\n');
  await until('nobody answers', () => {
    followed.resolver.names(ADDRESS);
    return followed.resolver.counters()['failures'] === 1;
  });
  assert.deepEqual(followed.resolver.names(ADDRESS), []);
  await until('it is told', () => followed.resolver.troubles().length === 1);
  assert.match(followed.resolver.troubles()[0] ?? '', /127\.0\.0\.1:9 .*ECONNREFUSED.*--dns-server/);
  writeFileSync(followed.path, `nameserver ${server.server}\n`);
  await until('the new server is asked', isNamed(followed, 'a.example'));
  assert.deepEqual(followed.resolver.troubles(), []);
});

test('a file that is empty for a moment takes no servers away; one that stays so is told of', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-resolv-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, 'resolv.conf');
  writeFileSync(path, 'nameserver 192.0.2.1\nnameserver fe80::1%lo\n');
  const warnings: string[] = [];
  const servers = new SystemServers({ path, rereadMs: 0, warn: (message) => warnings.push(message) });
  const first = servers.current();
  assert.deepEqual(first, [
    { host: '192.0.2.1', port: 53 },
    { host: 'fe80::1%lo', port: 53 },
  ]);
  writeFileSync(path, '');
  assert.equal(servers.current(), first);
  writeFileSync(path, 'nameserver 192.0.2.1\nnameserver fe80::1%lo\n');
  assert.equal(servers.current(), first);
  unlinkSync(path);
  assert.equal(servers.current(), first);
  for (let look = 0; look < 3; look++) assert.deepEqual(servers.current(), [{ host: '127.0.0.1', port: 53 }]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /resolv\.conf can't be read \(ENOENT\): .*--dns-server/);
});
