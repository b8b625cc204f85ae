/** Scans of live sockets that are deferred, because they are expensive, delay bytes and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { EbpfSource, EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import type { Snapshot } from '../../src/probe/records/source.js';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { loadOnRung, needsRung, startEbpf } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

/** Snapshots until a round of scans has surely ended. */
const ATTEMPTS = 20_000;
/** Connections: too many for the scan of one snapshot. */
const HELD = 300;
const EXPENSIVE = { scanShare: 1 / 200, cheapScanNanos: 0 };
const SENT = 1000;
const OWN_NETNS = statSync('/proc/self/ns/net').ino;

interface Connection {
  /** The client's. */
  readonly port: number;
  readonly serverPort: number;
  /** From the client to the server, which has it all when this resolves. */
  send(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** A server; the result makes connections to it. */
async function serve(t: TestContext): Promise<() => Promise<Connection>> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async () => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1');
    sockets.push(client.resume());
    const [[served]] = await Promise.all([accepted, once(client, 'connect')]);
    return {
      port: client.localPort!,
      serverPort: port,
      async send(bytes) {
        const before = served.bytesRead;
        client.write('x'.repeat(bytes));
        while (served.bytesRead < before + bytes) await once(served, 'data');
      },
      async close() {
        const closed = Promise.all([once(client, 'close'), once(served, 'close')]);
        client.end();
        await closed;
      },
    };
  };
}

async function start(
  t: TestContext,
  options: EbpfSourceOptions,
): Promise<{ source: EbpfSource; open: () => Promise<Connection> }> {
  const open = await serve(t);
  for (let i = 0; i < HELD; i++) await open();
  const source = await startEbpf(options);
  t.after(() => source.close());
  await source.seeded();
  await source.snapshot();
  return { source, open };
}

interface Seen {
  readonly live: number;
  readonly closed: number;
  /** By the client. */
  readonly bytesSent: number;
}

/** What a snapshot has of both ends of a connection. */
function seenOf({ records, recordCount }: Snapshot, { port, serverPort }: Connection): Seen {
  const view = new DataView(records);
  const ends = { live: 0, closed: 0, bytesSent: 0 };
  for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
    if (view.getUint32(at + OFFSET.netns, true) !== OWN_NETNS) continue;
    const local = view.getUint16(at + OFFSET.localPort, true);
    const remote = view.getUint16(at + OFFSET.remotePort, true);
    const isClient = local === port && remote === serverPort;
    if (!isClient && !(local === serverPort && remote === port)) continue;
    if (view.getUint8(at + OFFSET.state) === TcpState.Close) ends.closed++;
    else ends.live++;
    if (isClient) ends.bytesSent += Number(view.getBigUint64(at + OFFSET.bytesSent, true));
  }
  return ends;
}

test(
  'a deferred scan is reported as unfinished, and ends',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const open = await serve(t);
    for (let i = 0; i < HELD; i++) await open();
    const tracker = await loadOnRung(EXPENSIVE);
    t.after(() => tracker.close());
    await tracker.sweepAdopt();
    const seen = new Set<boolean>();
    for (let i = 0; i < ATTEMPTS && seen.size < 2; i++)
      seen.add((await tracker.snapshot({ mayDeferScan: true })).scanned);
    assert.deepEqual(seen, new Set([false, true]));
    assert.equal((await tracker.snapshot()).scanned, true);
  },
);

test('beginnings and ends are reported at once', { skip: ebpfSkip }, async (t) => {
  const { source, open } = await start(t, EXPENSIVE);
  for (let i = 0; i < 20; i++) {
    const connection = await open();
    const opened = await source.snapshot({ mayDeferScan: true });
    assert.deepEqual(seenOf(opened, connection), { live: 2, closed: 0, bytesSent: 0 });
    assert.deepEqual(opened.completeness.namespaces, []);
    await connection.send(SENT);
    await connection.close();
    const closed = await source.snapshot({ mayDeferScan: true });
    assert.deepEqual(seenOf(closed, connection), { live: 0, closed: 2, bytesSent: SENT });
    assert.deepEqual(closed.completeness.namespaces, []);
  }
});

test(
  'bytes of a live connection come with a later snapshot, and at once for callers that may not defer the scan',
  { skip: ebpfSkip || needsRung('sockets') },
  async (t) => {
    const { source, open } = await start(t, EXPENSIVE);
    const connection = await open();
    await source.snapshot({ mayDeferScan: true });
    await connection.send(SENT);
    let bytesSent = 0;
    for (let i = 0; i < ATTEMPTS && bytesSent === 0; i++)
      ({ bytesSent } = seenOf(await source.snapshot({ mayDeferScan: true }), connection));
    assert.equal(bytesSent, SENT);
    await connection.send(SENT);
    assert.equal(seenOf(await source.snapshot(), connection).bytesSent, 2 * SENT);
  },
);

test('cheap scans are never deferred', { skip: ebpfSkip || needsRung('sockets') }, async (t) => {
  const { source, open } = await start(t, { cheapScanNanos: 0xffff_ffff });
  const connection = await open();
  for (let sent = SENT; sent <= 20 * SENT; sent += SENT) {
    await connection.send(SENT);
    assert.equal(seenOf(await source.snapshot({ mayDeferScan: true }), connection).bytesSent, sent);
  }
});
