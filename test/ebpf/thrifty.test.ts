/** Visits to all live sockets that are put off, because they are expensive, lose nothing and count nothing twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { loadTracker } from 'ebpf-bridge';
import { EbpfSource, type EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import type { Snapshot } from '../../src/probe/connections/source.js';
import { OFFSET, RECORD_BYTES, TcpState } from '../../src/probe/topology/record.js';
import { ebpfSkip } from './requirements.js';

/** However expensive, a visit becomes due by and by: a snapshot may fall on that moment, but not one after the other. */
const ATTEMPTS = 200;
/** Connections that make a visit cost something. */
const HELD = 300;
const EXPENSIVE = { cheapVisitNanos: 0 };

interface Connection {
  /** The client's. */
  readonly port: number;
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
  const source = await EbpfSource.start(options);
  t.after(() => source.close());
  await source.seeded();
  await source.snapshot();
  return { source, open };
}

/** What a snapshot says of both ends of a connection. */
function told({ records, recordCount }: Snapshot, { port }: Connection): { live: number; closed: number } {
  const view = new DataView(records);
  const ends = { live: 0, closed: 0 };
  for (let at = 0; at < recordCount * RECORD_BYTES; at += RECORD_BYTES) {
    if (![OFFSET.localPort, OFFSET.remotePort].some((end) => view.getUint16(at + end, true) === port))
      continue;
    if (view.getUint8(at + OFFSET.state) === TcpState.Close) ends.closed++;
    else ends.live++;
  }
  return ends;
}

/** A connection that a snapshot did not tell of though it was there. */
async function putOff(source: EbpfSource, open: () => Promise<Connection>): Promise<Connection> {
  for (let i = 0; i < ATTEMPTS; i++) {
    const connection = await open();
    const snapshot = await source.snapshot({ thrifty: true });
    assert.deepEqual(snapshot.completeness.namespaces, [], 'what was not looked for is not missed');
    if (told(snapshot, connection).live === 0) return connection;
  }
  return assert.fail('every visit was made');
}

test('a put-off visit is said to be one', { skip: ebpfSkip }, async (t) => {
  const open = await serve(t);
  for (let i = 0; i < HELD; i++) await open();
  const tracker = await loadTracker(EXPENSIVE);
  t.after(() => tracker.close());
  await tracker.confirmHolders();
  assert.equal((await tracker.snapshot({ thrifty: true })).visited, true, 'a sweep has found something new');
  let visited = true;
  for (let i = 0; i < ATTEMPTS && visited; i++) ({ visited } = await tracker.snapshot({ thrifty: true }));
  assert.equal(visited, false);
  assert.equal((await tracker.snapshot()).visited, true);
});

test(
  'sockets that were not looked for are told of later, and not missed meanwhile',
  { skip: ebpfSkip },
  async (t) => {
    const { source, open } = await start(t, EXPENSIVE);
    const connection = await putOff(source, open);
    let snapshot;
    do {
      snapshot = await source.snapshot({ thrifty: true });
      assert.deepEqual(snapshot.completeness.namespaces, []);
    } while (told(snapshot, connection).live === 0);
    assert.deepEqual(told(snapshot, connection), { live: 2, closed: 0 });
  },
);

test('a connection that ends before it was looked for is told of once', { skip: ebpfSkip }, async (t) => {
  const { source, open } = await start(t, EXPENSIVE);
  const connection = await putOff(source, open);
  await connection.close();
  const sum = { live: 0, closed: 0 };
  for (const thrifty of [true, true, false, false]) {
    const snapshot = await source.snapshot({ thrifty });
    assert.deepEqual(snapshot.completeness.namespaces, []);
    const { live, closed } = told(snapshot, connection);
    sum.live += live;
    sum.closed += closed;
  }
  assert.deepEqual(sum, { live: 0, closed: 2 });
});

test('no visit is put off that is cheap, or by who is not thrifty', { skip: ebpfSkip }, async (t) => {
  for (const [options, thrifty] of [
    [{ cheapVisitNanos: 0xffff_ffff }, true],
    [EXPENSIVE, false],
  ] as const) {
    const { source, open } = await start(t, options);
    for (let i = 0; i < 20; i++) {
      const connection = await open();
      assert.equal(told(await source.snapshot({ thrifty }), connection).live, 2);
    }
  }
});
