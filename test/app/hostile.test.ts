/** Floods of wrong requests, bombs and huge bodies: each gets a clear answer, memory stays bounded, others notice nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeReport } from '../../src/report/index.js';
import { TOPOPROBE } from '../support/topoprobe.js';
import { clientSide, serverSide } from './sample-reports.js';

const REQUESTS = 10_000;
/** Sent in one go on each connection. */
const BATCH = 100;
const CONNECTIONS = 8;
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;

const PROBE = 'Bearer probe-secret';
const READER = 'Bearer reader-secret';

let app: ChildProcess;
let url: URL;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  app = spawn(
    process.execPath,
    [
      ...[TOPOPROBE, 'app', '--listen', '127.0.0.1:0', '--log-level', 'silent', '--window', '1h'],
      ...['--max-rate', '999999999', '--max-probe-rate', '999999999', '--views', 'newest'],
      ...[
        '--probe-token-file',
        file('probes', 'probe-secret'),
        '--read-token-file',
        file('readers', 'reader-secret'),
      ],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface({ input: app.stdout! }), 'line')) as [string];
  url = new URL(line.replace('Dashboard: ', ''));
  for (const [probe, report] of [
    ['a', clientSide()],
    ['b', serverSide()],
  ] as const) {
    const answer = await post(Buffer.from(encodeReport(report)), { 'x-scope-probe-id': probe });
    assert.equal(answer.status, 200);
  }
});

after(async () => {
  const ended = once(app, 'exit');
  app.kill('SIGKILL');
  await ended;
  rmSync(folder, { recursive: true });
});

function post(body: Buffer | ReadableStream, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL('/api/report', url), {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/msgpack', authorization: PROBE, ...headers },
    ...(Buffer.isBuffer(body) ? {} : { duplex: 'half' as const }),
  });
}

/** What another client sees; must be the same whatever goes on. */
async function assertServes(): Promise<void> {
  const answer = await fetch(new URL('/api/topology/processes', url), { headers: { authorization: READER } });
  assert.equal(answer.status, 200);
  const { nodes } = (await answer.json()) as { nodes: Record<string, { adjacency?: string[] }> };
  assert.deepEqual(Object.keys(nodes).sort(), ['alpha;11', 'beta;22']);
  assert.deepEqual(nodes['alpha;11']?.adjacency, ['beta;22']);
}

function rss(): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${app.pid!}/status`, 'utf8'));
  return Number(match?.[1]) * 1024;
}

/** Runs `attack` while another client goes on asking. */
async function whileOthersAsk(attack: () => Promise<void>): Promise<void> {
  const before = rss();
  const state = { isRunning: true };
  const other = (async () => {
    while (state.isRunning) {
      await assertServes();
      await sleep(20);
    }
  })();
  try {
    await attack();
  } finally {
    state.isRunning = false;
    await other;
  }
  await assertServes();
  const grown = rss() - before;
  assert.ok(grown < GROWTH_BYTES_MAX, `grew by ${Math.round(grown / 1024 / 1024)} MiB`);
}

/** Sends a request many times over a few connections; answers how often each status came. */
async function flood(request: Buffer): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  const batch = Buffer.concat(Array.from({ length: BATCH }, () => request));
  let left = REQUESTS / BATCH;
  const run = async (): Promise<void> => {
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    let text = '';
    let answered = 0;
    let done: (() => void) | undefined;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const found = text.match(/HTTP\/1\.1 \d{3}/g) ?? [];
      for (const status of found) {
        const code = status.slice(-3);
        statuses.set(code, (statuses.get(code) ?? 0) + 1);
      }
      answered += found.length;
      // What may be the beginning of a status line.
      text = found.length > 0 ? text.slice(text.lastIndexOf('HTTP/1.1') + 12) : text.slice(-12);
      if (answered >= BATCH) done?.();
    });
    const failed = once(socket, 'close').then(() => {
      throw new Error(`closed after ${answered} answers`);
    });
    failed.catch(() => undefined);
    while (left > 0) {
      left--;
      answered = 0;
      const answers = new Promise<void>((resolve) => (done = resolve));
      socket.write(batch);
      await Promise.race([answers, failed]);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, run));
  return statuses;
}

function requestText(line: string, headers: Record<string, string>, body: Buffer = Buffer.alloc(0)): Buffer {
  const fields = Object.entries({ host: url.host, 'content-length': String(body.length), ...headers });
  return Buffer.concat([
    Buffer.from(`${line} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`),
    body,
  ]);
}

const whole = Buffer.from(encodeReport(clientSide()));
const noise = Buffer.from(Array.from({ length: 200 }, (_, index) => (index * 73 + 11) % 256));
const sends =
  (body: Buffer, headers: Record<string, string> = {}) =>
  () =>
    requestText(
      'POST /api/report',
      { authorization: PROBE, 'content-type': 'application/msgpack', 'x-scope-probe-id': 'wild', ...headers },
      body,
    );
const asks =
  (path: string, headers: Record<string, string> = { authorization: READER }) =>
  () =>
    requestText(`GET ${path}`, headers);

const kinds: readonly (readonly [what: string, request: () => Buffer, status: string])[] = [
  ['noise for MessagePack', sends(noise), '400'],
  ['half a report', sends(whole.subarray(0, whole.length >> 1)), '400'],
  ['noise for JSON', sends(noise, { 'content-type': 'application/json' }), '400'],
  ['noise for gzip', sends(noise, { 'content-encoding': 'gzip' }), '400'],
  ['noise for Zstandard', sends(noise, { 'content-encoding': 'zstd' }), '400'],
  ['an unknown content type', sends(whole, { 'content-type': 'image/png' }), '400'],
  ['a wrong token', sends(whole, { authorization: 'Bearer wrong-secret' }), '401'],
  ["a reader's token for a report", sends(whole, { authorization: READER }), '403'],
  ['an unknown view', asks('/api/topology/nonsense'), '404'],
  ['a wrong parameter', asks('/api/v1/edges?limit=-1'), '400'],
  [
    'another site',
    asks('/api/topology/hosts', { authorization: READER, origin: 'https://evil.example' }),
    '403',
  ],
];
for (const [what, request, status] of kinds) {
  test(`${REQUESTS} times ${what}: each answered ${status}`, async () => {
    await whileOthersAsk(async () => {
      assert.deepEqual(Array.from(await flood(request())), [[status, REQUESTS]]);
    });
  });
}

test('connections that speak no HTTP are closed', async () => {
  await whileOthersAsk(async () => {
    for (let round = 0; round < REQUESTS / BATCH; round++) {
      await Promise.all(
        Array.from({ length: BATCH }, async () => {
          const socket = connect(Number(url.port), url.hostname);
          socket.on('error', () => undefined);
          socket.resume();
          const closed = once(socket, 'close');
          socket.end(noise);
          await closed;
        }),
      );
    }
  });
});

test('bombs of a gigabyte are answered 413', async () => {
  const gibibyte = 1024 * 1024 * 1024;
  const bomb = gzipSync(Buffer.alloc(gibibyte), { level: 9 });
  assert.ok(bomb.length < 2 * 1024 * 1024);
  await whileOthersAsk(async () => {
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 2 }, () => post(bomb, { 'content-encoding': 'gzip' })),
      );
      for (const answer of answers) {
        assert.equal(answer.status, 413);
        assert.equal(((await answer.json()) as { code: string }).code, 'INFLATED_TOO_LARGE');
      }
    }
  });
});

test('bodies of 100 MB are answered 413, announced or not', async () => {
  const chunk = Buffer.alloc(1_000_000, 0x81);
  await whileOthersAsk(async () => {
    for (let round = 0; round < 3; round++) {
      let sent = 0;
      const stream = new ReadableStream({
        pull(controller) {
          if (sent++ < 100) controller.enqueue(chunk);
          else controller.close();
        },
      });
      const chunked = await post(stream);
      assert.equal(chunked.status, 413);
      assert.equal(((await chunked.json()) as { code: string }).code, 'BODY_TOO_LARGE');
      const announced = await post(Buffer.concat(Array.from({ length: 100 }, () => chunk)));
      assert.equal(announced.status, 413);
      await announced.arrayBuffer();
    }
  });
});
