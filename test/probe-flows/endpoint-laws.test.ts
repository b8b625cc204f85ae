/** What holds for every batch: counts add up, order plays no part, both ends choose alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Direction } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { build, edgesOf } from './edges.js';
import { client, listener, server, type Connection, type Socket } from './records.js';

const address = fc.constantFrom('127.0.0.1', '127.0.0.2', '::1', '10.0.0.1', '10.0.0.2', '2001:db8::1');

/** Connections with distinct tuples between few addresses, so that groups form. */
const connections: fc.Arbitrary<Connection[]> = fc
  .uniqueArray(
    fc.record({
      from: address,
      fromPort: fc.integer({ min: 30000, max: 31000 }),
      to: address,
      toPort: fc.constantFrom(80, 443),
      fromPid: fc.constantFrom(0, 10, 11),
      toPid: fc.constantFrom(0, 20),
      netns: fc.constantFrom(1, 2),
    }),
    { selector: (c) => `${c.from} ${c.fromPort} ${c.to} ${c.toPort}`, maxLength: 300 },
  )
  .map((all) => all.map((connection, id) => ({ ...connection, id: id + 1 })));

/** Nodes as text, without the times at which each was reported. */
const textOf = (sockets: readonly Socket[]): string =>
  JSON.stringify(
    [...build(sockets).topology.nodes].sort(([a], [b]) => (a < b ? -1 : 1)),
    (key, value: unknown) =>
      key === 'timestamp'
        ? undefined
        : value instanceof Map
          ? [...(value as Map<string, unknown>)].sort()
          : value,
  );

type Seen = 'client' | 'server' | 'both';
const seen = (connection: Connection, which: Seen): Socket[] => [
  ...(which === 'server' ? [] : [client(connection)]),
  ...(which === 'client' ? [] : [server(connection)]),
];
const sum = (sockets: readonly Socket[]): number =>
  edgesOf(build(sockets)).reduce((total, { count }) => total + count, 0);

test('counts add up to the number of connections, whichever ends are seen', () => {
  fc.assert(
    fc.property(
      connections,
      fc.infiniteStream(fc.constantFrom<Seen>('client', 'server', 'both')),
      (all, views) => {
        const sockets = all.flatMap((connection) => seen(connection, views.next().value as Seen));
        const { stats } = build(sockets);
        assert.equal(stats.connections, all.length);
        // A client port in use towards several servers is one endpoint: its count is for all of its edges.
        const opened = [...build(sockets).topology.nodes.values()]
          .filter((node) => node.adjacency)
          .reduce((total, node) => total + Number(node.latest?.get('conn_count')?.value ?? 1), 0);
        assert.equal(opened, all.length);
      },
    ),
  );
});

test('the result does not depend on the order of the records', () => {
  fc.assert(
    fc.property(
      connections.chain((all) => {
        const sockets: Socket[] = all
          .flatMap((c) => seen(c, 'both'))
          .map((socket) => ({ ...socket, ...(socket.id % 3 === 0 && { direction: Direction.Unknown }) }));
        const batch = [...sockets, ...sockets.slice(0, 5), listener('::', 80, { netns: 1 })];
        return fc.tuple(fc.constant(batch), fc.shuffledSubarray(batch, { minLength: batch.length }));
      }),
      ([batch, shuffled]) => {
        assert.equal(textOf(batch), textOf(shuffled));
        assert.deepEqual(build(batch).stats, build(shuffled).stats);
      },
    ),
  );
});

test('that no other record is of a socket changes nothing, however often a port was used', () => {
  fc.assert(
    fc.property(connections, fc.infiniteStream(fc.nat(3)), (all, uses) => {
      let id = 0;
      const ends = all
        .flatMap((c) => Array.from({ length: 1 + (uses.next().value as number) }, () => c))
        .flatMap((c) => seen(c, 'both'))
        .map((socket, startNanos): Socket => ({
          ...socket,
          id: ++id,
          state: TcpState.Close,
          startNanos,
          bytesSent: id,
        }));
      const briefly = ends.map((socket) => ({ ...socket, brief: true }));
      assert.equal(textOf(briefly), textOf(ends));
      assert.deepEqual(build(briefly).stats, build(ends).stats);
    }),
  );
});

test('two probes, one at each end, keep the same connections', () => {
  const ports = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { maxLength: 1000 });
  fc.assert(
    fc.property(ports, (fromPorts) => {
      const all = fromPorts.map((fromPort, id) => ({
        id,
        from: '10.0.0.1',
        fromPort,
        to: '10.0.0.2',
        toPort: 80,
        fromPid: 10,
        toPid: 20,
      }));
      const view = (sockets: Socket[]): object[] =>
        edgesOf(build(sockets)).map(({ from, to, count }) => ({ from, to, count }));
      assert.deepEqual(view(all.map(client)), view(all.map(server)));
    }),
  );
});

test('both processes are on every edge of which both ends were seen', () => {
  fc.assert(
    fc.property(connections, (all) => {
      const known = all.map((connection) => ({ ...connection, fromPid: 10, toPid: 20 }));
      for (const edge of edgesOf(build(known.flatMap((c) => seen(c, 'both'))))) {
        assert.deepEqual([edge.fromPid, edge.toPid], ['10', '20']);
      }
    }),
  );
});

test('a tuple used again and again counts every time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.boolean(), (uses, bothEnds) => {
      const sockets = Array.from({ length: uses }, (_, id) => ({
        id,
        from: '127.0.0.1',
        fromPort: 40000,
        to: '127.0.0.1',
        toPort: 80,
        state: TcpState.Close,
      })).flatMap((connection) => seen(connection, bothEnds ? 'both' : 'client'));
      assert.equal(sum(sockets), uses);
    }),
  );
});
