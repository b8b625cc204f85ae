/** The two ends of a connection may be seen in different snapshots, or one of them never: it is one connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { newState, newsOf, type Circumstances } from '../support/flow-state.js';
import { client, encode, listener, server, type Connection, type Socket } from './records.js';

const connection = (id: number, more: Partial<Connection> = {}): Connection => ({
  id,
  from: '127.0.0.1',
  fromPort: 10_000 + id,
  to: '127.0.0.1',
  toPort: 80,
  fromPid: 10,
  toPid: 20,
  ...more,
});
const closed = (socket: Socket): Socket => ({ ...socket, state: TcpState.Close });

/** `client's PID > server's PID: opened, live` of each flow after these snapshots, of which the last may complete the one before. */
function after(
  snapshots: readonly (readonly Socket[])[],
  more: Circumstances & { readonly completed?: readonly Socket[] } = {},
): string[] {
  const state = newState();
  const { mark } = state.reportSince(undefined);
  for (const sockets of snapshots) state.take(newsOf(encode(sockets), more));
  const { completed } = more;
  if (completed)
    state.complete({
      ...encode(completed),
      isWhole: true,
      isFirst: false,
      listenersListed: false,
      isCompletion: true,
    });
  return (state.reportSince(mark).report.flows ?? []).map(lineOf).sort();
}

const lineOf = ({ client: { pid: from = 0 }, server: { pid: to = 0 }, opened, live }: FlowRow): string =>
  `${from} > ${to}: ${opened}, ${live} live`;

const a = connection(1);
const b = connection(2);

test('an end that closed and its other end in the next snapshot are one connection with both processes', () => {
  for (const [first, second] of [
    [client, server],
    [server, client],
  ] as const)
    assert.deepEqual(after([[closed(first(a))], [closed(second(a))]]), ['10 > 20: 1, 0 live']);
});

test('without its other end it is counted alone, and once', () => {
  assert.deepEqual(after([[closed(client(a))], [], [], []]), ['10 > 0: 1, 0 live']);
});

test('a closed end whose other end lives is a live connection until that one has closed', () => {
  assert.deepEqual(after([[closed(client(a)), server(a)]]), ['10 > 20: 1, 1 live']);
  assert.deepEqual(after([[closed(client(a)), server(a)], [closed(server(a))]]), ['10 > 20: 1, 0 live']);
});

test('a server whose handshake was missed seems to begin after its client ended: they are one connection all the same', () => {
  const early = { ...closed(client(a)), startNanos: 5, endNanos: 7 };
  const late = { ...closed(server(a)), startNanos: 9, endNanos: 11 };
  for (const snapshots of [[[early, late]], [[late, early]], [[early], [late]]])
    assert.deepEqual(after(snapshots), ['10 > 20: 1, 0 live']);
  // Many wait at a time.
  const many = Array.from({ length: 10_000 }, (_, i) => connection(i + 1));
  const clients = many.map((each) => ({ ...closed(client(each)), startNanos: 5, endNanos: 7 }));
  const servers = many.map((each) => ({ ...closed(server(each)), startNanos: 9, endNanos: 11 }));
  assert.deepEqual(after([[...clients, ...servers]]), ['10 > 20: 10000, 0 live']);
});

test('an end that is seen long after the other is that connection’s', () => {
  const alone = [client(a)];
  assert.deepEqual(after([alone, alone, alone, [client(a), server(a)]]), ['10 > 20: 1, 1 live']);
});

test('of a tuple that was used twice, the use without its other end waits for it', () => {
  const again = connection(9, { fromPort: a.fromPort, fromPid: 11 });
  const first = [closed(client(a)), closed(server(a)), closed(client(again))];
  assert.deepEqual(after([first, [closed(server(again))]]), ['10 > 20: 1, 0 live', '11 > 20: 1, 0 live']);
});

test('a report that is the only one takes missing ends from a later snapshot and nothing else', () => {
  const completed = [
    closed(server(a)),
    client(connection(3)),
    server(connection(3)),
    closed(client(connection(4))),
  ];
  assert.deepEqual(after([[closed(client(a)), closed(client(b)), closed(server(b))]], { completed }), [
    '10 > 20: 2, 0 live',
  ]);
});

test('sockets that a whole snapshot does not have are closed', () => {
  assert.deepEqual(after([[client(a), server(a)], []]), ['10 > 20: 1, 0 live']);
});

test('a socket that connects again, or listens, has ended its connection', () => {
  const socket = { ...client(connection(1, { to: '192.0.2.1', from: '10.0.0.1' })), startNanos: 5 };
  const again = { ...socket, localPort: 777, startNanos: 9 };
  assert.deepEqual(after([[socket], [again]]), ['10 > 0: 2, 1 live']);
  const listening = listener('10.0.0.1', 80, { id: socket.id });
  assert.deepEqual(after([[socket], [listening]]), ['10 > 0: 1, 0 live']);
});

test('the same address and port in two namespaces: ends meet by who is known to talk', () => {
  const [one, two] = [1, 2].map((netns) =>
    connection(netns, { from: '10.9.0.1', to: '10.9.0.2', fromPort: 40_000, netns }),
  );
  const sharedAddresses = [addressWords(10, 9, 0, 1), addressWords(10, 9, 0, 2)];
  const sockets = [
    { ...client(one!), pid: 11, startNanos: 10 },
    { ...server(one!), pid: 21, startNanos: 11 },
    { ...client(two!), pid: 12, startNanos: 1_000_000 },
    { ...server(two!), pid: 22, startNanos: 1_000_001 },
  ];
  for (const order of [sockets, sockets.toReversed(), [sockets[0]!, sockets[3]!, sockets[1]!, sockets[2]!]]) {
    const state = newState();
    state.take(newsOf(encode(order), { sharedAddresses }));
    const rows = state.wholeReport().flows ?? [];
    assert.deepEqual(
      rows.map(({ scope, live, client, server }) => [scope, live, client.pid, server.pid]).sort(),
      [
        ['vm-1', 1, 11, 21],
        ['vm-2', 1, 12, 22],
      ],
    );
  }
});

const addressWords = (...bytes: number[]): Int32Array =>
  new Int32Array(Uint8Array.of(...Array<number>(10).fill(0), 0xff, 0xff, ...bytes).buffer);

test('however closes fall between snapshots, each short connection is counted once, with both processes', () => {
  const moments = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 }), fc.boolean()),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(moments, (plan) => {
      const snapshots = Array.from({ length: 6 }, (_, tick) =>
        plan.flatMap(([at, lag, clientFirst], id) => {
          const ends = [client(connection(id)), server(connection(id))].map(closed);
          const [early, late] = clientFirst ? ends : ends.reverse();
          return [...(tick === at ? [early!] : []), ...(tick === at + lag ? [late!] : [])];
        }),
      );
      assert.deepEqual(after(snapshots), [`10 > 20: ${plan.length}, 0 live`]);
    }),
  );
});

test('ends that wait for their other one are bounded, and what had to go is counted', () => {
  const waiting = 70_000;
  const state = newState();
  const sockets = Array.from({ length: waiting }, (_, id) =>
    closed(
      client(
        connection(id, { from: `127.0.${1 + (id >> 14)}.1`, fromPort: 1 + (id & 0x3fff), toPort: 60_000 }),
      ),
    ),
  );
  state.take(newsOf(encode(sockets)));
  assert.ok((state.counters()['unmatched_ends'] ?? 0) >= waiting - 65_536);
  assert.equal(
    (state.wholeReport().flows ?? []).reduce((sum, { opened }) => sum + opened, 0),
    waiting,
  );
});

test('a listener that comes turns around what was a guess, and the sums stay', () => {
  const high = connection(1, { fromPort: 4000, toPort: 50_000 });
  const unknown = [client(high), server(high)].map((socket): Socket => ({
    ...socket,
    direction: Direction.Unknown,
  }));
  assert.deepEqual(after([unknown]), ['20 > 10: 1, 1 live']);
  assert.deepEqual(after([unknown, [...unknown, listener('127.0.0.1', 50_000)]]), ['10 > 20: 1, 1 live']);
});
