/** `POST /api/flows`: what is taken in and what is answered, by the app's real way in and its engine. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { fastify } from 'fastify';
import { Room } from '../../src/app/bodies/room.js';
import { Engine } from '../../src/app/engine/engine.js';
import { answerFaults } from '../../src/app/http/faults.js';
import { flowsRoute } from '../../src/app/ingest/flows-route.js';
import { Intake } from '../../src/app/ingest/intake.js';
import { DEFAULT_LIMITS, type AppLimits } from '../../src/app/limits.js';
import type { Statement } from '../../src/flows/statement.js';
import { encodeStatement } from '../../src/flows/wire/index.js';
import { runApp } from './running-app.js';

const STATEMENT: Statement = {
  version: 1,
  probe: 'c0ffee',
  epoch: 1_795_244_936_123,
  seq: 1,
  base: 0,
  host: 'h',
  atMs: 1_795_244_936_123,
  intervalMs: 3000,
  flows: [],
  gone: [],
  facts: new Map(),
  dns: new Map(),
};

interface FlowsApp {
  post(body: Uint8Array, headers?: Record<string, string>): Promise<Response>;
  state(changes: Partial<Statement>): Promise<{ status: number; answer: unknown }>;
}

async function flowsApp(t: TestContext, limits: Partial<AppLimits> = {}): Promise<FlowsApp> {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const engine = new Engine({ windowMs: 15_000, views: 'newest', ...all });
  const server = fastify();
  t.after(() => server.close());
  answerFaults(server);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  flowsRoute(server, {
    appId: 'the-app',
    engine: {
      call: (_name, args) => Promise.resolve().then(() => engine.state(...args)),
    },
    intake: new Intake(new Room(all.inFlightBytes, 'no room'), all),
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const post: FlowsApp['post'] = (body, headers = {}) =>
    fetch(`${url}/api/flows`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/msgpack', 'x-scope-probe-id': 'c0ffee', ...headers },
    });
  return {
    post,
    async state(changes) {
      const answer = await post(encodeStatement({ ...STATEMENT, ...changes }));
      return { status: answer.status, answer: await answer.json() };
    },
  };
}

test('a statement is taken in plain, gzipped and as zstd, and answered with its state and the app', async (t) => {
  const app = await flowsApp(t);
  const body = encodeStatement(STATEMENT);
  for (const [encoding, bytes] of [
    ['identity', body],
    ['gzip', gzipSync(body)],
    ['zstd', zstdCompressSync(body, { params: { [constants.ZSTD_c_windowLog]: 20 } })],
  ] as const) {
    const answer = await app.post(bytes, { 'content-encoding': encoding });
    assert.equal(answer.status, 200, encoding);
    assert.deepEqual(await answer.json(), { seq: 1 });
    assert.equal(answer.headers.get('x-topoprobe-app-id'), 'the-app');
  }
});

test('what builds on a state that is not there gets the one that is; whole again, it is taken', async (t) => {
  const app = await flowsApp(t);
  assert.deepEqual(await app.state({ seq: 5, base: 4 }), { status: 409, answer: { have: 0 } });
  assert.deepEqual(await app.state({ seq: 5 }), { status: 200, answer: { seq: 5 } });
  assert.deepEqual(await app.state({ seq: 6, base: 5 }), { status: 200, answer: { seq: 6 } });
  assert.deepEqual(await app.state({ seq: 9, base: 8 }), { status: 409, answer: { have: 6 } });
  const next = STATEMENT.epoch + 1;
  assert.deepEqual(await app.state({ epoch: next, seq: 7, base: 6 }), { status: 409, answer: { have: 0 } });
  assert.deepEqual(await app.state({ epoch: next, seq: 7 }), { status: 200, answer: { seq: 7 } });
});

const whole = encodeStatement(STATEMENT);
const refusals: readonly [string, Uint8Array, Record<string, string>, number, string][] = [
  ['JSON', whole, { 'content-type': 'application/json' }, 400, 'UNKNOWN_CONTENT_TYPE'],
  ['an unknown encoding', whole, { 'content-encoding': 'lzma' }, 400, 'UNKNOWN_CONTENT_ENCODING'],
  ['what is no statement', Buffer.of(1), {}, 400, 'UNDECODABLE'],
  ['half a statement', whole.subarray(0, whole.length >> 1), {}, 400, 'UNDECODABLE'],
  ['a map without a head', Buffer.of(0x80), {}, 400, 'BAD_STATEMENT'],
  ['an empty body', Buffer.alloc(0), {}, 400, 'UNDECODABLE'],
  ['what is no gzip', whole, { 'content-encoding': 'gzip' }, 400, 'UNDECODABLE'],
  ["another probe's statement", whole, { 'x-scope-probe-id': 'other' }, 400, 'BAD_STATEMENT'],
  ['too many bytes', Buffer.alloc(2 << 20, 0xc0), {}, 413, 'BODY_TOO_LARGE'],
  [
    'what inflates',
    gzipSync(Buffer.alloc(8 << 20)),
    { 'content-encoding': 'gzip' },
    413,
    'INFLATED_TOO_LARGE',
  ],
];

for (const [what, body, headers, status, code] of refusals) {
  test(`${what} is refused, and the state stays as it was`, async (t) => {
    const app = await flowsApp(t, { compressedBytes: 1 << 20, decompressedBytes: 4 << 20 });
    assert.equal((await app.state({ seq: 3 })).status, 200);
    const answer = await app.post(body, headers);
    assert.equal(answer.status, status);
    assert.equal(((await answer.json()) as { code: string }).code, code);
    assert.deepEqual(await app.state({ seq: 4, base: 3 }), { status: 200, answer: { seq: 4 } });
  });
}

test('statements count against the rate of their probe, and wait as they are told', async (t) => {
  const app = await flowsApp(t, { reportsPerSecondPerProbe: 1 });
  const statuses = new Set<number>();
  for (let i = 0; i < 4; i++) {
    const answer = await app.post(whole);
    statuses.add(answer.status);
    if (answer.status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    await answer.text();
  }
  assert.deepEqual([...statuses], [200, 429]);
});

test('an app says that it takes flows, and answers who may write only', async (t) => {
  const app = await runApp(t);
  const { capabilities } = (await app.get('/api')).body as { capabilities: object };
  assert.deepEqual(capabilities, { historic_reports: false, flows: 1 });
  const guarded = await runApp(t, { auth: { probeTokens: ['secret'] } });
  const answer = await fetch(`${guarded.url}/api/flows`, { method: 'POST', body: whole });
  assert.equal(answer.status, 401);
});
