/** What reports are taken in, what is refused, and that a refused one changes nothing. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeReport, reportToJson } from '../../src/report/index.js';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, serverSide } from './sample-reports.js';

const MSGPACK = { 'content-type': 'application/msgpack' };

async function assertUnchanged(app: RunningApp): Promise<void> {
  const { body } = await app.get('/api/topology/processes');
  assert.deepEqual(Object.keys((body as { nodes: object }).nodes).sort(), ['alpha;11', 'beta;22']);
  assert.equal(((await app.get('/api/probes')).body as unknown[]).length, 2);
}

async function appWithSample(
  t: Parameters<typeof runApp>[0],
  options: Parameters<typeof runApp>[1] = {},
): Promise<RunningApp> {
  const app = await runApp(t, options);
  assert.equal((await app.report(clientSide(), 'a')).status, 200);
  assert.equal((await app.report(serverSide(), 'b')).status, 200);
  return app;
}

test('a report is taken in as MessagePack and JSON, plain and gzipped, with an empty 200', async (t) => {
  for (const [body, type] of [
    [Buffer.from(encodeReport(clientSide())), 'application/msgpack'],
    [Buffer.from(reportToJson(clientSide())), 'application/json; charset=utf-8'],
  ] as const) {
    for (const encoding of ['identity', 'gzip']) {
      const app = await runApp(t);
      const answer = await app.post(encoding === 'gzip' ? gzipSync(body) : body, {
        'content-type': type,
        'content-encoding': encoding,
      });
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), '');
      const hosts = (await app.get('/api/topology/hosts')).body as { nodes: object };
      assert.deepEqual(Object.keys(hosts.nodes), ['alpha;<host>']);
    }
  }
});

const whole = Buffer.from(encodeReport(clientSide()));
const refusals: readonly [string, Buffer | string, Record<string, string>, number, string][] = [
  ['an unknown content type', 'x', { 'content-type': 'text/plain' }, 400, 'UNKNOWN_CONTENT_TYPE'],
  ['a content type that is none', 'x', { 'content-type': ';;;' }, 400, 'UNKNOWN_CONTENT_TYPE'],
  [
    'an unknown content encoding',
    whole,
    { ...MSGPACK, 'content-encoding': 'lzma' },
    400,
    'UNKNOWN_CONTENT_ENCODING',
  ],
  ['what is no report in MessagePack', Buffer.from([0x01]), MSGPACK, 400, 'WRONG_SHAPE'],
  ['half a report', whole.subarray(0, whole.length >> 1), MSGPACK, 400, 'UNDECODABLE'],
  ['an empty body', '', MSGPACK, 400, 'UNDECODABLE'],
  ['what is no JSON', '{"TS":', { 'content-type': 'application/json' }, 400, 'UNDECODABLE'],
  ['JSON that is no report', '{"Endpoint": 5}', { 'content-type': 'application/json' }, 400, 'WRONG_SHAPE'],
  ['a list for a report', '[]', { 'content-type': 'application/json' }, 400, 'WRONG_SHAPE'],
  ['what is no gzip', 'plain', { ...MSGPACK, 'content-encoding': 'gzip' }, 400, 'UNDECODABLE'],
  [
    'a gzip stream cut short',
    gzipSync(whole).subarray(0, 60),
    { ...MSGPACK, 'content-encoding': 'gzip' },
    400,
    'UNDECODABLE',
  ],
];
for (const [what, body, headers, status, code] of refusals) {
  test(`${what} is answered ${status} with a reason, and the window stays as it was`, async (t) => {
    const app = await appWithSample(t);
    const answer = await app.post(body, headers);
    assert.equal(answer.status, status);
    const reason = (await answer.json()) as { error: string; code: string };
    assert.equal(reason.code, code);
    assert.ok(reason.error.length > 10);
    await assertUnchanged(app);
  });
}

test('a body over the limit is answered 413, announced or not', async (t) => {
  const app = await appWithSample(t, { limits: { compressedBytes: 10_000 } });
  const big = Buffer.alloc(200_000, 1);
  const announced = await app.post(big, MSGPACK);
  assert.equal(announced.status, 413);
  assert.equal(((await announced.json()) as { code: string }).code, 'BODY_TOO_LARGE');
  const chunked = await fetch(`${app.url}/api/report`, {
    method: 'POST',
    headers: MSGPACK,
    body: new Blob([big]).stream(),
    duplex: 'half',
  });
  assert.equal(chunked.status, 413);
  await assertUnchanged(app);
});

test('a small body that inflates beyond the limit is answered 413 without being inflated', async (t) => {
  const app = await appWithSample(t, { limits: { decompressedBytes: 1_000_000 } });
  const bomb = gzipSync(Buffer.alloc(300_000_000));
  const before = process.memoryUsage.rss();
  const answer = await app.post(bomb, { ...MSGPACK, 'content-encoding': 'gzip' });
  assert.equal(answer.status, 413);
  assert.equal(((await answer.json()) as { code: string }).code, 'INFLATED_TOO_LARGE');
  assert.ok(process.memoryUsage.rss() - before < 100_000_000);
  await assertUnchanged(app);
});

test('a report with more nodes than allowed is answered 413', async (t) => {
  const app = await runApp(t, { limits: { reportNodes: 3 } });
  const answer = await app.report(clientSide());
  assert.equal(answer.status, 413);
  assert.equal(((await answer.json()) as { code: string }).code, 'REPORT_TOO_LARGE');
});

test('a sender that hangs up inside its body leaves the app serving', async (t) => {
  const app = await appWithSample(t);
  const { hostname, port } = new URL(app.url);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        'POST /api/report HTTP/1.1\r\nhost: x\r\ncontent-type: application/msgpack\r\ncontent-length: 1000\r\n\r\nabc',
        () => socket.destroy(),
      );
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });
  await assertUnchanged(app);
});

test('a full window answers 503 with Retry-After and keeps what it has', async (t) => {
  const app = await appWithSample(t, { limits: { windowParts: 9 } });
  const refused = await app.report(clientSide({ conn_count: '7' }), 'c');
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(((await refused.json()) as { code: string }).code, 'WINDOW_FULL');
  assert.equal((await app.report(clientSide(), 'a')).status, 200, 'saying the same again needs no room');
  await assertUnchanged(app);
});
