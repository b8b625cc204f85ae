/** A client endpoint that is kept for one group is not kept for another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { build, edgesOf, type Edge } from './edges.js';
import { client, server, type Connection } from './records.js';

const portsOf = (most: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.integer({ min: 30_000, max: 31_000 }), { minLength: 10, maxLength: most });

/** Local connections of one address to two servers, each by a process of its own. */
const toTwoServers = fc
  .tuple(portsOf(300), portsOf(300))
  .map(([first, second]): Connection[] =>
    [
      ...first.map((fromPort) => ({ fromPort, toPort: 80, fromPid: 10, toPid: 20 })),
      ...second.map((fromPort) => ({ fromPort, toPort: 443, fromPid: 11, toPid: 21 })),
    ].map((connection, id) => ({ id, from: '127.0.0.1', to: '127.0.0.1', ...connection })),
  );

const to = (edges: readonly Edge[], port: number): Edge[] =>
  edges.filter((edge) => edge.to.endsWith(`;${port}`));
const sum = (edges: readonly Edge[]): number => edges.reduce((total, { count }) => total + count, 0);

test('each edge has the count and the process of its own connections, on whatever ports the groups meet', () => {
  fc.assert(
    fc.property(toTwoServers, (all) => {
      const edges = edgesOf(build(all.flatMap((each) => [client(each), server(each)])));
      for (const [port, pid] of [
        [80, '10'],
        [443, '11'],
      ] as const) {
        assert.equal(sum(to(edges, port)), all.filter(({ toPort }) => toPort === port).length);
        assert.deepEqual([...new Set(to(edges, port).map(({ fromPid }) => fromPid))], [pid]);
      }
    }),
  );
});

test('connections with a far end keep the ports that its probe keeps too', () => {
  fc.assert(
    fc.property(toTwoServers, (all) => {
      const remote = all.map((each) => ({ ...each, from: '10.0.0.1', to: '10.0.0.2' }));
      const ends = (edges: readonly Edge[]): string[] => edges.map((edge) => `${edge.from} ${edge.to}`);
      assert.deepEqual(ends(edgesOf(build(remote.map(client)))), ends(edgesOf(build(remote.map(server)))));
    }),
  );
});
