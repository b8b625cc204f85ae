/** Bad input gets one clear line and the right exit code, never a stack trace. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { topoprobe } from '../support/topoprobe.js';

const ONE_LINE = /^topoprobe: [^\n]+\n$/;

const usage: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown option', ['probe', '--publish-intervall', '3s'], /publish-intervall.*--publish-interval/],
  ['an unknown command', ['prob'], /unknown command 'prob'/],
  ['a malformed URL', ['probe', 'http://'], /not a URL such as/],
  ['a URL with another scheme', ['probe', 'ftp://app'], /only http and https/],
  ['a malformed duration', ['report', '--duration', 'soon'], /not a duration such as/],
  ['a duration of zero', ['report', '--duration', '0s'], /not a duration such as/],
  ['a malformed listen address', ['app', '--listen', 'here'], /not HOST:PORT/],
  ['a port out of range', ['app', '--listen', '127.0.0.1:65536'], /not HOST:PORT/],
  ['an unknown format', ['report', '--format', 'xml'], /json, msgpack, dot/],
  ['an unknown source', ['probe', '--source', 'magic'], /auto, ebpf, proc/],
  ['a ring that is too small', ['probe', '--ring-size', '1KiB'], /64KiB to 1GiB/],
  ['no connections at all', ['report', '--max-connections', '0'], /whole number from 1/],
  ['too many arguments', ['app', 'extra'], /too many arguments/],
];

for (const [what, args, line] of usage) {
  test(`${what} exits with 2 and one line`, async () => {
    const result = await topoprobe(args);
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, ONE_LINE);
    assert.match(result.stderr, line);
  });
}

test('an environment variable is checked like its option', async () => {
  const result = await topoprobe(['report'], { env: { TOPOPROBE_DURATION: 'long' } });
  assert.equal(result.code, 2);
  assert.match(result.stderr, ONE_LINE);
  assert.match(result.stderr, /TOPOPROBE_DURATION/);
});

test('a malformed URL in the environment exits with 2', async () => {
  const result = await topoprobe(['probe'], { env: { TOPOPROBE_URLS: 'http://[' } });
  assert.equal(result.code, 2);
  assert.match(result.stderr, ONE_LINE);
});

for (const command of ['app', 'up']) {
  test(`${command}: a port in use exits with 1 and says what to do`, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object');
      const result = await topoprobe([
        command,
        '--listen',
        `127.0.0.1:${address.port}`,
        '--log-level',
        'silent',
      ]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, ONE_LINE);
      assert.match(result.stderr, new RegExp(`${address.port}.*in use`));
    } finally {
      server.close();
    }
  });
}

test('an unreadable /proc exits with 1 and names it', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'topoprobe-'));
  try {
    const result = await topoprobe([
      'report',
      '--duration',
      '100ms',
      '--source',
      'proc',
      '--proc-root',
      empty,
    ]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, ONE_LINE);
    assert.ok(result.stderr.includes(empty));
  } finally {
    rmSync(empty, { recursive: true });
  }
});

test(
  '--source ebpf as an ordinary user exits with 1 and says what to do',
  {
    skip: process.getuid?.() === 0 ? false : 'needs root to become another user',
  },
  async () => {
    const result = await topoprobe(['report', '--duration', '100ms', '--source', 'ebpf'], {
      uid: 65_534,
      gid: 65_534,
    });
    assert.equal(result.code, 1);
    assert.match(result.stderr, ONE_LINE);
    assert.match(result.stderr, /CAP_BPF|make build/);
  },
);

test('--help shows every option with its default and environment variable, and exits with 0', async () => {
  const result = await topoprobe(['probe', '--help']);
  assert.equal(result.code, 0);
  assert.match(result.stdout, /--publish-interval[\s\S]*3s[\s\S]*TOPOPROBE_PUBLISH_INTERVAL/);
  for (const [option, byDefault] of [
    ['ring-size', '4MiB'],
    ['max-connections', '500000'],
    ['max-connections-per-netns', '400000'],
    ['max-netns', '2048'],
  ] as const) {
    const variable = `TOPOPROBE_${option.replaceAll('-', '_').toUpperCase()}`;
    assert.match(
      result.stdout,
      new RegExp(`--${option} [^-]*default:\\s+${byDefault},\\s+env:\\s+${variable}\\)`),
    );
  }
});

test('without a command the help is shown and the exit code is 2', async () => {
  const result = await topoprobe([]);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /Usage: topoprobe/);
});
