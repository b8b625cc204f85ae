/** Connections become edges: canonical direction, both processes, scoped ids, exact counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Direction, OFFSET, PidEvidence, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { endpointsOf } from '../support/flow-state.js';
import { build, edgesOf } from './edges.js';
import { client, encode, listener, NETNS, server, type Connection, type Socket } from './records.js';

const local = (id: number, fromPort: number, more: Partial<Connection> = {}): Connection => ({
  id,
  from: '127.0.0.1',
  fromPort,
  to: '127.0.0.1',
  toPort: 80,
  fromPid: 10,
  toPid: 20,
  ...more,
});
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

test('a local connection, seen from both ends, is one edge with both processes', () => {
  const connection = local(1, 40000);
  assert.deepEqual(edgesOf(build([client(connection), server(connection)])), [
    {
      from: `vm-${NETNS};127.0.0.1;40000`,
      to: `vm-${NETNS};127.0.0.1;80`,
      fromPid: '10',
      toPid: '20',
      count: 1,
    },
  ]);
});

test('an accepted connection is turned around: from is the client', () => {
  const accepted = server({
    id: 1,
    from: '192.0.2.7',
    fromPort: 40000,
    to: '10.0.0.1',
    toPort: 80,
    toPid: 20,
  });
  assert.deepEqual(edgesOf(build([accepted])), [
    { from: ';192.0.2.7;40000', to: ';10.0.0.1;80', fromPid: undefined, toPid: '20', count: 1 },
  ]);
});

test('a side whose process is known carries pid and host, the other neither', () => {
  const { nodes } = build([
    client({ id: 1, from: '10.0.0.1', fromPort: 40000, to: '192.0.2.7', toPort: 443, fromPid: 10 }),
  ]).topology;
  const from = nodes.get(';10.0.0.1;40000');
  assert.equal(from?.topology, 'endpoint');
  assert.equal(from.latest?.get('pid')?.value, '10');
  assert.equal(from.latest.get('host_node_id')?.value, 'vm;<host>');
  assert.equal(from.latest.get('conn_count'), undefined);
  const to = nodes.get(';192.0.2.7;443');
  assert.equal(to?.latest, undefined);
  assert.equal(to?.adjacency, undefined);
});

test('loopback ids are scoped by host and namespace, link-local ones by host, others are global', () => {
  const connections = [
    local(1, 1000),
    local(2, 1000, { netns: 7 }),
    local(3, 1001, { from: '::1', to: '::1' }),
    local(4, 1002, { from: 'fe80::1', to: 'fe80::2' }),
    local(5, 1003, { from: '::ffff:10.0.0.1', to: '::ffff:10.0.0.2' }),
    local(6, 1004, { from: '2001:db8:0:0::1', to: '2001:db8::2' }),
  ];
  assert.deepEqual(
    edgesOf(build(connections.map(client))).map(({ from }) => from),
    [
      ';10.0.0.1;1003',
      ';2001:db8::1;1004',
      `vm-${NETNS};127.0.0.1;1000`,
      `vm-${NETNS};::1;1001`,
      'vm-7;127.0.0.1;1000',
      'vm;fe80::1;1002',
    ].sort(),
  );
});

test('a thousand short connections of one pair of processes are a handful of edges that add up to a thousand', () => {
  const connections = range(1000).map((i) => local(i, 30000 + 2 * i, { state: TcpState.Close }));
  const endpoints = build(connections.flatMap((c) => [client(c), server(c)]));
  const edges = edgesOf(endpoints);
  assert.ok(edges.length <= 5, `${edges.length} kept`);
  assert.equal(
    edges.reduce((sum, { count }) => sum + count, 0),
    1000,
  );
  assert.ok(edges.every(({ fromPid, toPid }) => fromPid === '10' && toPid === '20'));
  assert.equal(endpoints.stats.connections, 1000);
});

test('connections of different processes are thinned apart', () => {
  const connections = range(20).map((i) => local(i, 30000 + i, { fromPid: i < 8 ? 10 : 11 }));
  const counts = new Map<string | undefined, number>();
  for (const { fromPid, count } of edgesOf(build(connections.map(client))))
    counts.set(fromPid, (counts.get(fromPid) ?? 0) + count);
  assert.deepEqual(Object.fromEntries(counts), { 10: 8, 11: 12 });
});

test('a tuple used twice by different sockets counts twice', () => {
  const [first, second] = [local(1, 40000, { state: TcpState.Close }), local(2, 40000)];
  const [edge] = edgesOf(build([first, second].flatMap((c) => [client(c), server(c)])));
  assert.equal(edge?.count, 2);
});

test('one socket that appears live and then closed counts once', () => {
  const live = client(local(1, 40000));
  assert.equal(edgesOf(build([live, { ...live, state: TcpState.Close }]))[0]?.count, 1);
});

test('an end whose process is known only in one of its records keeps it', () => {
  const live = client(local(1, 40000));
  for (const records of [
    [{ ...live, pid: 0 }, live],
    [live, { ...live, pid: 0 }],
  ]) {
    assert.equal(edgesOf(build(records))[0]?.fromPid, '10');
  }
});

test('a socket connected to itself is one edge of one connection to itself', () => {
  const self: Socket = {
    id: 1,
    local: '127.0.0.1',
    localPort: 40000,
    remote: '127.0.0.1',
    remotePort: 40000,
    pid: 10,
  };
  const id = `vm-${NETNS};127.0.0.1;40000`;
  for (const direction of [Direction.Connected, Direction.Unknown]) {
    assert.deepEqual(edgesOf(build([{ ...self, direction }])), [
      { from: id, to: id, fromPid: '10', toPid: '10', count: 1 },
    ]);
  }
});

test('a simultaneous open is one connection, not two reversed ones', () => {
  const a: Socket = {
    id: 1,
    local: '127.0.0.1',
    localPort: 5000,
    remote: '127.0.0.1',
    remotePort: 6000,
    pid: 10,
  };
  const b: Socket = {
    id: 2,
    local: '127.0.0.1',
    localPort: 6000,
    remote: '127.0.0.1',
    remotePort: 5000,
    pid: 20,
  };
  const edges = edgesOf(build([a, b]));
  assert.deepEqual(edges, edgesOf(build([b, a])));
  assert.equal(edges.length, 1);
  assert.deepEqual([edges[0]?.fromPid, edges[0]?.toPid, edges[0]?.count], ['20', '10', 1]);
});

test('two connections in opposite directions between the same ports of two hosts stay two', () => {
  const there = client({
    id: 1,
    from: '10.0.0.1',
    fromPort: 5000,
    to: '10.0.0.2',
    toPort: 6000,
    state: TcpState.Close,
  });
  const back = server({ id: 2, from: '10.0.0.2', fromPort: 6000, to: '10.0.0.1', toPort: 5000 });
  assert.equal(edgesOf(build([there, back])).length, 2);
});

const accepted = (id: number, pid: number, pidEvidence: number): Socket => ({
  ...server({ id, from: '10.0.0.1', fromPort: 40_000 + id, to: '10.0.0.2', toPort: 80 }),
  pid,
  pidEvidence,
});

test("connections that nobody took are the one server's, not the maker's of the listener", () => {
  const edges = edgesOf(
    build([
      accepted(1, 10, PidEvidence.Listener),
      accepted(2, 20, PidEvidence.Use),
      accepted(3, 10, PidEvidence.Listener),
    ]),
  );
  assert.deepEqual(new Set(edges.map(({ toPid }) => toPid)), new Set(['20']));
});

test("with several servers, connections that nobody took stay the maker's", () => {
  const { topology } = build([
    accepted(1, 10, PidEvidence.Listener),
    accepted(2, 20, PidEvidence.Use),
    accepted(3, 30, PidEvidence.Close),
  ]);
  const servers = [...topology.nodes.values()].map((node) => node.latest?.get('to_pid')?.value);
  assert.deepEqual(servers.filter((pid) => pid !== undefined).sort(), ['10', '20', '30']);
});

test('listeners are not connections', () => {
  const endpoints = build([listener('0.0.0.0', 80)]);
  assert.equal(endpoints.topology.nodes.size, 0);
  assert.equal(endpoints.stats.listeners, 1);
  assert.equal(endpoints.stats.connections, 0);
});

test('the ends of a connection between two namespaces of this host meet in one edge', () => {
  const connection = local(1, 40000, { from: '10.9.0.1', to: '10.9.0.2' });
  const edges = edgesOf(
    build([
      { ...client(connection), netns: 1 },
      { ...server(connection), netns: 2 },
    ]),
  );
  assert.deepEqual(edges, [
    { from: ';10.9.0.1;40000', to: ';10.9.0.2;80', fromPid: '10', toPid: '20', count: 1 },
  ]);
});

test('names of addresses at either end reach the report', () => {
  const { dns } = build(
    range(5).map((i) => client(local(i, 40000 + i, { to: '192.0.2.1' }))),
    { names: (address) => (address === '192.0.2.1' ? ['one.example'] : undefined) },
  );
  assert.deepEqual(dns, new Map([['192.0.2.1', { reverse: ['one.example'] }]]));
});

test('a buffer that is shorter than its count is refused', () => {
  const short = { records: new ArrayBuffer(RECORD.bytes), recordCount: 2 };
  assert.throws(() => endpointsOf(short), RangeError);
});

test('direction of an unseen handshake: the listener table decides, else the lower port is the server', async (t) => {
  const unknown = (socket: Socket): Socket => ({ ...socket, direction: Direction.Unknown });
  const high = local(1, 4000, { toPort: 50000 });
  const both = [unknown(client(high)), unknown(server(high))];
  const reversed = { from: `vm-${NETNS};127.0.0.1;50000`, to: `vm-${NETNS};127.0.0.1;4000` };
  const right = { from: reversed.to, to: reversed.from };
  const direction = (sockets: readonly Socket[]): object[] =>
    edgesOf(build(sockets)).map(({ from, to }) => ({ from, to }));

  await t.test('port guess', () => assert.deepEqual(direction(both), [reversed]));
  await t.test('listener on the address', () =>
    assert.deepEqual(direction([...both, listener('127.0.0.1', 50000)]), [right]),
  );
  await t.test('wildcard listener', () =>
    assert.deepEqual(direction([listener('::', 50000), ...both]), [right]),
  );
  await t.test('IPv4 wildcard listener', () =>
    assert.deepEqual(direction([listener('0.0.0.0', 50000), ...both]), [right]),
  );
  await t.test('a listener of another namespace proves nothing', () =>
    assert.deepEqual(direction([...both, listener('::', 50000, { netns: 1 })]), [reversed]),
  );
  await t.test('a listener on another address proves nothing', () =>
    assert.deepEqual(direction([...both, listener('127.0.0.2', 50000)]), [reversed]),
  );
  await t.test('a wildcard listener here proves nothing about the same port of another host', () => {
    const away = unknown(client(local(1, 400, { from: '10.0.0.1', to: '192.0.2.1', toPort: 50000 })));
    assert.deepEqual(direction([away, listener('::', 50000)]), [
      { from: ';192.0.2.1;50000', to: ';10.0.0.1;400' },
    ]);
  });
  await t.test('an end that saw the handshake corrects the guess of the other', () => {
    assert.deepEqual(direction([client(high), unknown(server(high))]), [right]);
    assert.deepEqual(direction([unknown(client(high)), server(high)]), [right]);
  });
});

test('whose port nobody listens on is the client, where all listeners are known', async (t) => {
  const ends = (sockets: readonly Socket[], listenersListed: boolean): object[] =>
    edgesOf(build(sockets, { listenersListed })).map(({ from, to }) => ({ from, to }));
  for (const [own, port] of [
    [700, 2049],
    [700, 50_051],
    [50_051, 700],
    [9000, 9000],
  ]) {
    const away = { ...client(local(1, own!, { from: '10.0.0.1', to: '192.0.2.1', toPort: port! })) };
    const unknown = { ...away, direction: Direction.Unknown };
    const outward = [{ from: `;10.0.0.1;${own}`, to: `;192.0.2.1;${port}` }];
    const inward = [{ from: `;192.0.2.1;${port}`, to: `;10.0.0.1;${own}` }];
    await t.test(`${own} to ${port}`, () => {
      assert.deepEqual(ends([unknown], true), outward);
      assert.deepEqual(ends([unknown, listener('::', port!)], true), own === port ? inward : outward);
      assert.deepEqual(ends([unknown, listener('10.0.0.1', own!)], true), inward);
      assert.deepEqual(ends([unknown, listener('10.0.0.2', own!)], true), outward);
      if (own! < port!) assert.deepEqual(ends([unknown], false), inward, 'a guess');
    });
  }
});

test('processes are told apart at a shared listening port by who serves most', () => {
  const connections = [
    local(1, 1000, { toPid: 20 }),
    local(2, 1001, { toPid: 21 }),
    local(3, 1002, { toPid: 21 }),
  ];
  assert.equal(edgesOf(build(connections.map(server)))[0]?.toPid, '21');
});

test('offsets of the test encoder are those of the record', () => {
  assert.equal(encode([client(local(1, 1))]).records.byteLength, OFFSET.comm + 16);
});
