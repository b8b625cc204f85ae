/** Bodies in Zstandard, answers in Brotli and gzip, and answers that need not be sent again. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import fc from 'fast-check';
import { AppError } from '../../src/app/index.js';
import { chooseEncoding } from '../../src/app/http/accept-encoding.js';
import { inflateZstd } from '../../src/app/decode/zstd.js';
import { encodeReport } from '../../src/report/index.js';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, hostNode, makeReport } from './sample-reports.js';

const MIB = 1024 * 1024;
const hasZstd = spawnSync('zstd', ['--version']).status === 0;
const skip = hasZstd ? false : 'needs the zstd command';

function zstd(data: Uint8Array, ...options: string[]): Buffer {
  return execFileSync('zstd', ['-q', '-c', ...options], { input: data, maxBuffer: 1 << 28 });
}

/** A frame made by hand. `window` is the descriptor's byte; blocks are (type, size, payload). */
function frame(
  window: number,
  blocks: readonly (readonly [type: number, size: number, payload: Buffer])[],
): Buffer {
  const parts = blocks.map(([type, size, payload], index) => {
    const header = (index === blocks.length - 1 ? 1 : 0) | (type << 1) | (size << 3);
    return Buffer.concat([Buffer.from([header & 255, (header >> 8) & 255, (header >> 16) & 255]), payload]);
  });
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window]), ...parts]);
}

/** A frame of one segment that says how large it is, and has nothing in it. */
function singleSegment(contentBytes: bigint): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64LE(contentBytes, 5);
  return Buffer.concat([header, Buffer.from([1, 0, 0])]);
}

const raw = (data: Uint8Array): readonly [number, number, Buffer] => [0, data.length, Buffer.from(data)];
const repeated = (byte: number, size: number): readonly [number, number, Buffer] => [
  1,
  size,
  Buffer.from([byte]),
];

function codeOf(body: Uint8Array, maxBytes = 64 * MIB): string {
  try {
    inflateZstd(body, maxBytes);
    return 'inflated';
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error.code;
  }
}

test('plain and repeated blocks, several frames and skippable ones', () => {
  const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const body = Buffer.concat([
    skippable,
    frame(0, [raw(Buffer.from('abc')), repeated(0x78, 5)]),
    frame(0, [raw(Buffer.from('def'))]),
    skippable,
  ]);
  assert.equal(Buffer.from(inflateZstd(body, 100)).toString(), 'abcxxxxxdef');
});

test('the largest window there may be costs no more for many small blocks, or frames, than their bytes', () => {
  const blocks = Array.from({ length: 100_000 }, () => repeated(0x78, 1));
  const frames = Array.from({ length: 10_000 }, (_, i) =>
    frame(i % 2 === 0 ? 13 << 3 : 0, [repeated(0x78, 1)]),
  );
  assert.equal(inflateZstd(frame(13 << 3, blocks), MIB).length, blocks.length);
  assert.equal(inflateZstd(Buffer.concat(frames), MIB).length, frames.length);
});

test('frames of nothing, and a body of nothing else, inflate to nothing', () => {
  const empty = frame(0, [raw(Buffer.alloc(0))]);
  const abc = frame(0, [raw(Buffer.from('abc'))]);
  for (const [body, text] of [
    [empty, ''],
    [Buffer.concat([empty, empty]), ''],
    [Buffer.concat([empty, abc, empty, abc]), 'abcabc'],
  ] as const)
    assert.equal(Buffer.from(inflateZstd(body, 6)).toString(), text);
});

test('what the reference encoder makes is inflated to what it was', { skip }, () => {
  const report = encodeReport(clientSide());
  const large = Buffer.concat(Array.from({ length: 2_000 }, () => Buffer.from(report)));
  for (const options of [['-1'], ['-3'], ['-19'], ['--no-check']]) {
    assert.deepEqual(Buffer.from(inflateZstd(zstd(report, ...options), MIB)), Buffer.from(report));
    assert.deepEqual(Buffer.from(inflateZstd(zstd(large, ...options), 64 * MIB)), large);
  }
});

test('a report is taken in as Zstandard', async (t) => {
  const app = await runApp(t);
  const body = frame(0, [raw(encodeReport(clientSide()))]);
  const answer = await app.post(body, {
    'content-type': 'application/msgpack',
    'content-encoding': 'zstd',
  });
  assert.equal(answer.status, 200);
  const { nodes } = (await app.get('/api/topology/hosts')).body as { nodes: object };
  assert.deepEqual(Object.keys(nodes), ['alpha;<host>']);
});

test('a Zstandard bomb is refused, by what it inflates to and by the memory that it asks for', async (t) => {
  const bomb = frame(
    7 << 3,
    Array.from({ length: 8_000 }, () => repeated(0, 128 * 1024)),
  );
  assert.ok(bomb.length < 40_000);
  assert.equal(codeOf(bomb), 'INFLATED_TOO_LARGE');
  // Windows announced by one byte: of 2 GiB, and the first that is too large; then contents of one segment, which has no
  // window but needs to be in memory as a whole.
  for (const window of [21 << 3, (13 << 3) | 1])
    assert.equal(codeOf(frame(window, [raw(Buffer.from('a'))])), 'INFLATED_TOO_LARGE');
  for (const bytes of [2n ** 23n + 1n, 2n ** 62n, 2n ** 64n - 1n])
    assert.equal(codeOf(singleSegment(bytes)), 'INFLATED_TOO_LARGE', String(bytes));
  // Frames are bounded together.
  const megabyte = frame(
    7 << 3,
    Array.from({ length: 8 }, () => repeated(0, 128 * 1024)),
  );
  assert.equal(codeOf(Buffer.concat([megabyte, megabyte]), 2 * MIB), 'inflated');
  assert.equal(codeOf(Buffer.concat([megabyte, megabyte]), 2 * MIB - 1), 'INFLATED_TOO_LARGE');
  const app = await runApp(t, { limits: { decompressedBytes: MIB } });
  const answer = await app.post(bomb, { 'content-type': 'application/msgpack', 'content-encoding': 'zstd' });
  assert.equal(answer.status, 413);
  assert.equal(((await answer.json()) as { code: string }).code, 'INFLATED_TOO_LARGE');
});

test('whatever else claims to be Zstandard is refused with a code, never by a crash', () => {
  const whole = frame(0, [raw(Buffer.from('abc')), repeated(0x78, 5)]);
  for (let length = 0; length < whole.length; length++)
    assert.equal(codeOf(whole.subarray(0, length)), 'UNDECODABLE', `${length} bytes`);
  // Behind a whole frame, too: neither the beginning of another one nor anything else is passed over.
  for (let length = 1; length < whole.length; length++)
    assert.equal(codeOf(Buffer.concat([whole, whole.subarray(0, length)])), 'UNDECODABLE', `${length} bytes`);
  for (const rest of ['x', 'a report', '\0\0\0\0\0\0'])
    assert.equal(codeOf(Buffer.concat([whole, Buffer.from(rest)])), 'UNDECODABLE', rest);
  const refused = ['inflated', 'UNDECODABLE', 'INFLATED_TOO_LARGE'];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(255), (bytes, window) => {
      assert.ok(refused.includes(codeOf(Buffer.concat([frame(window, []), bytes]), MIB)));
      assert.ok(refused.includes(codeOf(frame(window, [[2, bytes.length, Buffer.from(bytes)]]), MIB)));
    }),
    { numRuns: 500 },
  );
});

test('mutated bodies of the reference encoder are inflated or refused, never a crash', { skip }, () => {
  const body = zstd(encodeReport(clientSide()), '-3', '--no-check');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const mutated = Buffer.from(body);
        for (const [at, byte] of changes) mutated[at] = byte;
        assert.ok(['inflated', 'UNDECODABLE', 'INFLATED_TOO_LARGE'].includes(codeOf(mutated, MIB)));
      },
    ),
    { numRuns: 1_000 },
  );
});

for (const [header, expected] of [
  [undefined, 'identity'],
  ['', 'identity'],
  ['gzip', 'gzip'],
  ['br', 'br'],
  ['gzip, deflate, br', 'gzip'],
  ['gzip;q=0.5, br', 'br'],
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['br;q=0, gzip;q=0', 'identity'],
  ['*', 'gzip'],
  ['*;q=0', 'identity'],
  ['gzip;q=0, *', 'br'],
  ['identity, gzip;q=0.5', 'identity'],
  ['GZIP;Q=1', 'gzip'],
  ['deflate', 'identity'],
] as const) {
  test(`Accept-Encoding ${JSON.stringify(header)} is answered with ${expected}`, () => {
    assert.equal(chooseEncoding(header), expected);
  });
}

/** The body as it travels. */
function rawAnswer(
  app: RunningApp,
  path: string,
  headers: Record<string, string>,
): Promise<{ encoding: string | undefined; vary: string | undefined; body: Buffer }> {
  return new Promise((resolve, reject) => {
    request(app.url + path, { headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          encoding: answer.headers['content-encoding'],
          vary: answer.headers.vary,
          body: Buffer.concat(chunks),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

test('the same answer comes plain, gzipped and in Brotli', async (t) => {
  const app = await runApp(t);
  await app.report(makeReport({ Host: Array.from({ length: 50 }, (_, index) => hostNode(`host-${index}`)) }));
  const path = '/api/topology/hosts';
  const plain = await rawAnswer(app, path, {});
  const zipped = await rawAnswer(app, path, { 'accept-encoding': 'gzip' });
  const brotli = await rawAnswer(app, path, { 'accept-encoding': 'br, gzip;q=0.9' });
  assert.deepEqual([plain.encoding, zipped.encoding, brotli.encoding], [undefined, 'gzip', 'br']);
  assert.equal(plain.vary, 'accept-encoding');
  assert.deepEqual(gunzipSync(zipped.body), plain.body);
  assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
});

test('every answer in JSON is 304 to who has it, in whatever form the tag is sent back', async (t) => {
  const app = await runApp(t, { clock: () => 1_700_000_000_000 });
  await app.report(clientSide(), 'a');
  for (const path of [
    '/api',
    '/api/topology',
    '/api/topology/hosts',
    '/api/topology/hosts/alpha;<host>',
    '/api/v1/edges',
    '/api/report',
  ]) {
    const etag = (await app.get(path)).headers.get('etag');
    assert.ok(etag !== null, path);
    for (const sent of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
      const again = await app.get(path, { 'if-none-match': sent });
      assert.deepEqual(
        [again.status, again.body, again.headers.get('etag')],
        [304, '', etag],
        `${path} ${sent}`,
      );
    }
    assert.equal((await app.get(path, { 'if-none-match': '"other"' })).status, 200);
  }
  const before = (await app.get('/api/topology/hosts')).headers.get('etag')!;
  await app.report(makeReport({ Host: [hostNode('gamma')] }), 'c');
  assert.equal((await app.get('/api/topology/hosts', { 'if-none-match': before })).status, 200);
});
