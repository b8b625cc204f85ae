/** The forms that options take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appUrl, durationMs, listenAddress, ringBytes } from '../../src/cli/options/option-values.js';

test('durations have a unit', () => {
  assert.equal(durationMs('500ms'), 500);
  assert.equal(durationMs('1.5s'), 1500);
  assert.equal(durationMs('2m'), 120_000);
  assert.equal(durationMs('24h'), 86_400_000);
  for (const bad of ['', '3', '-1s', '0ms', '25h', '1e3s', ' 3s', '3 s'])
    assert.throws(() => durationMs(bad), bad);
});

test('listen addresses take names, both families, and all addresses', () => {
  assert.deepEqual(listenAddress('127.0.0.1:4040'), { host: '127.0.0.1', port: 4040 });
  assert.deepEqual(listenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(listenAddress(':4040'), { host: '0.0.0.0', port: 4040 });
  for (const bad of ['4040', '::1:4040', '[localhost]:1', 'a:b', 'host:65536']) {
    assert.throws(() => listenAddress(bad), bad);
  }
});

test('app URLs may be short', () => {
  assert.equal(appUrl('app').href, 'http://app:4040/');
  assert.equal(appUrl('app:80').href, 'http://app/');
  assert.equal(appUrl('http://app.example:8080').href, 'http://app.example:8080/');
  assert.equal(appUrl('https://app.example').href, 'https://app.example/');
  for (const bad of ['', 'http://', 'ftp://app', 'http://app/path', 'http://app?x=1'])
    assert.throws(() => appUrl(bad), bad);
});

test('the size of a ring is rounded up to a power of two', () => {
  assert.equal(ringBytes('4MiB'), 4 * 1024 * 1024);
  assert.equal(ringBytes('65536'), 65_536);
  assert.equal(ringBytes('3MiB'), 4 * 1024 * 1024);
  assert.equal(ringBytes('65537'), 131_072);
  assert.equal(ringBytes('1GiB'), 2 ** 30);
  for (const bad of ['', '4', '4MB', '63KiB', '2GiB', '-4MiB', '1.5MiB', '4 MiB'])
    assert.throws(() => ringBytes(bad), bad);
});
