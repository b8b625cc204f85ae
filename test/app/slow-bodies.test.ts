/** Senders that begin reports and hold back their end: what they make the app hold stays within --max-waiting. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeReport } from '../../src/report/index.js';
import { startProgram } from '../support/program.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { clientSide } from './sample-reports.js';

const MEBIBYTE = 1024 * 1024;
const SENDERS = 24;
/** The app's own garbage and the heap's growth under requests; the bodies below inflate to more than a gigabyte. */
const GROWTH_BYTES_MAX = 160 * MEBIBYTE;
const GIVE_UP_MS = 60_000;

/** A megabyte as sent, sixty inflated. */
const INFLATING = gzipSync(Buffer.concat([randomBytes(MEBIBYTE), Buffer.alloc(59 * MEBIBYTE)]), { level: 1 });
const PLAIN = randomBytes(MEBIBYTE);

interface RunningApp {
  readonly url: URL;
  readonly residentBytes: () => number;
  readonly waitingBytes: () => Promise<number>;
}

async function startApp(t: TestContext, maxWaiting: string): Promise<RunningApp> {
  const { pid, firstLine } = await startProgram(t, [
    process.execPath,
    ...[TOPOPROBE, 'app', '--listen', '127.0.0.1:0', '--log-level', 'silent', '--max-waiting', maxWaiting],
    ...['--max-probe-rate', '1000'],
  ]);
  const url = new URL(firstLine.replace('Dashboard: ', ''));
  const app: RunningApp = {
    url,
    residentBytes: () =>
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    waitingBytes: async () => {
      const text = await (await fetch(new URL('/metrics', url))).text();
      return Number(/^topoprobe_reports_waiting_bytes (\d+)$/m.exec(text)?.[1]);
    },
  };
  assert.equal(await report(app), 200);
  return app;
}

async function report({ url }: RunningApp): Promise<number> {
  const answer = await fetch(new URL('/api/report', url), {
    method: 'POST',
    body: Buffer.from(encodeReport(clientSide())),
    headers: { 'content-type': 'application/msgpack' },
  });
  await answer.arrayBuffer();
  return answer.status;
}

interface Sender {
  readonly socket: Socket;
  /** What the app has answered so far. */
  readonly answer: () => string;
}

async function send(t: TestContext, { url }: RunningApp, headers: string, body: Buffer): Promise<Sender> {
  const socket = connect(Number(url.port), url.hostname);
  t.after(() => socket.destroy());
  let answer = '';
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
  socket.on('error', () => undefined); // seen as a missing answer
  await once(socket, 'connect');
  const head = `POST /api/report HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/msgpack\r\n${headers}\r\n`;
  socket.write(head);
  // The kernel has taken all of it once the callback comes: the app has read all but the last buffers' worth.
  if (body.length > 0) await new Promise((taken) => socket.write(body, taken));
  return { socket, answer: () => answer };
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`it never came to this: ${what}`);
    await sleep(20);
  }
}

/** As a chunked body without the chunk that ends it. */
function chunked(body: Buffer, chunkBytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

const length = (bytes: number): string => `content-length: ${bytes}\r\n`;
const GZIP = 'content-encoding: gzip\r\n';
const CHUNKED = 'transfer-encoding: chunked\r\n';

const attacks: readonly (readonly [what: string, headers: string, body: Buffer])[] = [
  ['gzip bodies', GZIP + length(INFLATING.length), INFLATING.subarray(0, -1)],
  ['gzip bodies of no announced length', GZIP + CHUNKED, chunked(INFLATING, 64 * 1024)],
  ['gzip bodies that never reach their announced length', GZIP + length(15 * MEBIBYTE), INFLATING],
  ['zstd bodies', `content-encoding: zstd\r\n${length(PLAIN.length)}`, PLAIN.subarray(0, -1)],
  ['plain bodies', length(PLAIN.length), PLAIN.subarray(0, -1)],
  ['plain bodies that never reach their announced length', length(15 * MEBIBYTE), PLAIN],
  ['announced bodies of which nothing comes', length(15 * MEBIBYTE), Buffer.alloc(0)],
];
for (const [what, headers, body] of attacks) {
  test(`${what} that lack their end: most get 503, memory is bounded, all of it is given back`, async (t) => {
    const app = await startApp(t, '1MiB');
    const before = app.residentBytes();
    const senders = await Promise.all(Array.from({ length: SENDERS }, () => send(t, app, headers, body)));
    // Whoever is alone is let in, however large.
    await until(
      'all others are answered',
      () => senders.filter((one) => one.answer() !== '').length >= SENDERS - 1,
    );
    const grown = app.residentBytes() - before;
    assert.ok(grown < GROWTH_BYTES_MAX, `grew by ${Math.round(grown / MEBIBYTE)} MiB`);
    for (const { answer } of senders.filter((one) => one.answer() !== '')) {
      assert.match(answer(), /^HTTP\/1\.1 503 /);
      assert.match(answer(), /^retry-after: [1-9]\d*\r$/im);
      assert.match(answer(), /"code":"ENGINE_BUSY"/);
    }
    for (const { socket } of senders) socket.destroy();
    await until('nothing waits any more', async () => (await app.waitingBytes()) === 0);
    assert.equal(await report(app), 200);
  });
}

test('bodies that wait for their last byte hold what was sent of them, and inflate only as far as there is room', async (t) => {
  const app = await startApp(t, '64MiB');
  const before = app.residentBytes();
  const senders = await Promise.all(
    Array.from({ length: SENDERS }, () =>
      send(t, app, GZIP + length(INFLATING.length), INFLATING.subarray(0, -1)),
    ),
  );
  await until('all are there', async () => (await app.waitingBytes()) >= SENDERS * INFLATING.length);
  assert.ok((await app.waitingBytes()) < (SENDERS + 1) * INFLATING.length);
  assert.deepEqual(
    senders.filter((one) => one.answer() !== ''),
    [],
  );
  // Others are served meanwhile.
  assert.equal(await report(app), 200);
  assert.ok(app.residentBytes() - before < GROWTH_BYTES_MAX);
  for (const { socket } of senders) socket.write(INFLATING.subarray(-1));
  await until('all are answered', () => senders.every((one) => one.answer() !== ''));
  // What is inflated is no report.
  const statuses = new Set(senders.map((one) => /^HTTP\/1\.1 (\d+)/.exec(one.answer())?.[1]));
  assert.ok(statuses.has('503') && statuses.has('400') && statuses.size === 2, [...statuses].join());
  const grown = app.residentBytes() - before;
  // Beside the room, one report is put together, handed over and looked through at a time.
  assert.ok(grown < GROWTH_BYTES_MAX + 2 * 64 * MEBIBYTE, `grew by ${Math.round(grown / MEBIBYTE)} MiB`);
  await until('nothing waits any more', async () => (await app.waitingBytes()) === 0);
  assert.equal(await report(app), 200);
});

test('pieces of a single byte cost no more than what they hold', async (t) => {
  const app = await startApp(t, '64MiB');
  const before = app.residentBytes();
  const bytes = PLAIN.subarray(0, PLAIN.length / 4);
  const body = chunked(bytes, 1);
  await Promise.all(Array.from({ length: 6 }, () => send(t, app, CHUNKED, body)));
  await until('all are there', async () => (await app.waitingBytes()) >= 6 * bytes.length);
  const grown = app.residentBytes() - before;
  assert.ok(grown < GROWTH_BYTES_MAX, `grew by ${Math.round(grown / MEBIBYTE)} MiB`);
});

test('a sender that falls silent within its report is answered 408, and its room given back', async (t) => {
  const app = await startApp(t, '1MiB');
  const senders = await Promise.all(
    [length(100_000), CHUNKED, GZIP + length(100_000)].map((headers) =>
      send(t, app, headers, Buffer.from('1\r\n')),
    ),
  );
  await until('they are waited for', async () => (await app.waitingBytes()) > 0);
  for (const { socket, answer } of senders) {
    if (!socket.closed) await once(socket, 'close');
    assert.match(answer(), /^HTTP\/1\.1 408 [\s\S]*"code":"BODY_STALLED"/);
  }
  assert.equal(await app.waitingBytes(), 0);
  assert.equal(await report(app), 200);
});
