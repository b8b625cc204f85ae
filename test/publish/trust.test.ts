/** Reports leave only for whom they are meant, with the credentials of the day, which are told to nobody else. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { PublisherOptions } from '../../src/probe/publish/index.js';
import { createAuthority } from './certificates.js';
import { startApp } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

const toLoopback: NonNullable<PublisherOptions['lookup']> = () =>
  Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

test('an https app with a certificate of the given authority gets reports', async (t) => {
  const authority = createAuthority(t);
  const { cert, key } = authority.issue('server', 'DNS:app.example');
  const app = await startApp(t, { tls: { cert, key } });
  const target = new URL(`https://app.example:${app.port}`);
  const publisher = publisherFor(t, [target], { caFile: authority.caFile, lookup: toLoopback });
  publisher.publish([3]);
  await until('it is there', () => totalOf(app.reports) === 3);
});

test('no body and no credentials leave to a host whose certificate bears another name', async (t) => {
  const authority = createAuthority(t);
  const { cert, key } = authority.issue('server', 'DNS:other.example');
  const app = await startApp(t, { tls: { cert, key } });
  const target = new URL(`https://app.example:${app.port}`);
  const publisher = publisherFor(t, [target], {
    caFile: authority.caFile,
    lookup: toLoopback,
    closeGraceMs: 0,
    token: 'secret',
  });
  publisher.publish([3]);
  await until('several tries failed', () => (publisher.counters()['failed_tries'] ?? 0) > 3);
  assert.equal(app.posted + app.asked, 0);
  assert.equal(publisher.apps()[0]?.state, 'unreachable');
  assert.ok(publisher.messages.some((line) => line.includes('app.example') && /altnames/i.test(line)));
});

test('an unknown authority, and http behind an https URL, are not trusted', async (t) => {
  const authority = createAuthority(t);
  const { cert, key } = authority.issue('server', 'DNS:app.example');
  const app = await startApp(t, { tls: { cert, key } });
  const plain = await startApp(t);
  for (const port of [app.port, plain.port]) {
    const publisher = publisherFor(t, [new URL(`https://app.example:${port}`)], {
      lookup: toLoopback,
      closeGraceMs: 0,
    });
    publisher.publish([3]);
    await until('a try failed', () => (publisher.counters()['failed_tries'] ?? 0) > 1);
  }
  assert.equal(app.asked + app.posted + plain.asked + plain.posted, 0);
});

test('an app that wants a client certificate is shown it', async (t) => {
  const authority = createAuthority(t);
  const { cert, key } = authority.issue('server', 'IP:127.0.0.1');
  const client = authority.issue('probe');
  const app = await startApp(t, {
    tls: { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
  });
  const without = publisherFor(t, [app.url], { caFile: authority.caFile, closeGraceMs: 0 });
  without.publish([1]);
  await until('it is refused without', () => (without.counters()['failed_tries'] ?? 0) > 1);
  assert.equal(app.asked + app.posted, 0);
  const { certFile, keyFile } = client;
  const withIt = publisherFor(t, [app.url], { caFile: authority.caFile, certFile, keyFile });
  withIt.publish([2]);
  await until('it is there', () => totalOf(app.reports) === 2);
});

test('certificates are read again when they change', async (t) => {
  const old = createAuthority(t);
  const renewed = createAuthority(t);
  const { cert, key } = renewed.issue('server', 'IP:127.0.0.1');
  const app = await startApp(t, { tls: { cert, key } });
  const publisher = publisherFor(t, [app.url], { caFile: old.caFile });
  publisher.publish([2]);
  await until('the old authority does not do', () => (publisher.counters()['failed_tries'] ?? 0) > 0);
  replaceFile(old.caFile, renewed.ca);
  await until('it is there', () => totalOf(app.reports) === 2);
});

test('a redirect is not followed: the body would leave to somebody else', async (t) => {
  const thief = await startApp(t);
  const app = await startApp(t);
  app.onPost = () => ({ status: 307, headers: { location: new URL('/api/report', thief.url).href } });
  const publisher = publisherFor(t, [app.url], { token: 'secret', closeGraceMs: 0 });
  publisher.publish([2]);
  await until('it was tried', () => app.posted > 1);
  assert.equal(thief.posted + thief.asked, 0);
  assert.ok(publisher.messages.some((line) => line.includes("name the app's final address")));
});

for (const [what, option, first, second] of [
  ['token', 'tokenFile', 'Scope-Probe token=old', 'Scope-Probe token=new'],
  ['user and password', 'basicFile', `Basic ${base64('u:old')}`, `Basic ${base64('u:new')}`],
] as const) {
  test(`a ${what} from a file is used, and read again when the file changes`, async (t) => {
    const path = join(temporaryFolder(t), 'secret');
    const content = (word: string): string => `${option === 'basicFile' ? 'u:' : ''}${word}\n`;
    writeFileSync(path, content('old'));
    const app = await startApp(t);
    app.onPost = () => (app.headers.at(-1)?.authorization === second ? undefined : { status: 401 });
    const publisher = publisherFor(t, [app.url], { [option]: path });
    publisher.publish([2]);
    await until('the old one was refused', () => app.posted > 0);
    assert.equal(app.headers[0]?.authorization, first);
    replaceFile(path, content('new'));
    await until('the report is there with the new one', () => totalOf(app.reports) === 2);
    assert.ok(!publisher.log.join('').includes('token='));
    assert.ok(!/u:old|u:new/.test(publisher.log.join('')));
  });
}

test('user and password in a URL are for that app alone, and in no log', async (t) => {
  const app = await startApp(t);
  const other = await startApp(t);
  const url = new URL(app.url);
  url.username = 'me';
  url.password = 'hunter 2';
  const publisher = publisherFor(t, [url, other.url], { token: 'shared' });
  publisher.publish([2]);
  await until('both have it', () => [app, other].every(({ reports }) => totalOf(reports) === 2));
  assert.equal(app.headers[0]?.authorization, `Basic ${base64('me:hunter 2')}`);
  assert.equal(other.headers[0]?.authorization, 'Scope-Probe token=shared');
  const told = publisher.log.join('') + JSON.stringify(publisher.apps());
  assert.ok(!/hunter|shared/.test(told), told);
});

test('files of no use are typed errors at the start, that name the file', (t) => {
  const folder = temporaryFolder(t);
  const malformed = join(folder, 'malformed.pem');
  writeFileSync(malformed, 'no certificate');
  const missing = join(folder, 'missing');
  const attempts = [
    [{ tokenFile: missing }, 'CREDENTIALS_UNREADABLE', missing],
    [{ basicFile: missing }, 'CREDENTIALS_UNREADABLE', missing],
    [{ caFile: missing }, 'TLS_FILE_UNREADABLE', missing],
    [{ certFile: malformed, keyFile: malformed }, 'TLS_FILE_MALFORMED', malformed],
    [{ targets: [] }, 'NO_TARGET', 'at least one app'],
  ] as const;
  for (const [options, code, named] of attempts) {
    assert.throws(
      () => publisherFor(t, [new URL('http://127.0.0.1:9')], options),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        return error.message.includes(named);
      },
    );
  }
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** The way secrets are rotated: nobody sees half a file. */
function replaceFile(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.next`, content);
  renameSync(`${path}.next`, path);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
