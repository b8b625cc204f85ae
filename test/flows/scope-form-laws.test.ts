/** What holds for Scope's form of any rows: nothing is lost, nothing is invented, and the order of the rows plays no part. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointTopology, type EndpointSource } from '../../src/flows/scope-endpoints.js';
import { DIRECTION_EVIDENCE, PID_EVIDENCE } from '../../src/flows/scope-form/evidence.js';
import { shareOut, shareOutToEach } from '../../src/flows/scope-form/shares.js';
import { DIRECTION_EVIDENCE_TEXTS, PID_EVIDENCE_TEXTS } from '../../src/probe/records/layout.js';
import { FACT, numberOf } from '../../src/report/keys.js';
import { fromMillis } from '../../src/report/model/timestamp.js';
import { countsOf, rowOf } from './rows.js';

const now = fromMillis(1_795_244_936_000);
const options = { hostName: 'vm', now };

const CLIENTS = ['10.0.0.1 1', '10.0.0.1 2', '10.0.0.1', '10.0.0.2 3', '10.0.0.3'];
/** Behind one port there are either processes, or nobody knows who. */
const SERVERS = ['10.0.1.1:80 11', '10.0.1.1:80 12', '10.0.1.1:81 11', '10.0.0.1:80 13', '10.0.1.2:80'];

/** No two are of the same ends: these would be one row. */
function rowsWith(ports: fc.Arbitrary<readonly [number, number][]>): fc.Arbitrary<EndpointSource[]> {
  const row = fc.record({
    client: fc.constantFrom(...CLIENTS),
    server: fc.constantFrom(...SERVERS),
    standsFor: ports,
    bytesSent: fc.nat(2 ** 31),
    retransmits: fc.nat(9),
    freshPart: fc.nat(10),
    failed: fc.constantFrom<Record<string, number>>({}, { refused: 2 }, { refused: 1, 'timed out': 4 }),
  });
  return fc
    .uniqueArray(row, { maxLength: 12, selector: ({ client, server }) => `${client} ${server}` })
    .map((rows) =>
      rows.map(({ freshPart, ...text }) => {
        const made = rowOf(text);
        return { ...made, fresh: Math.floor((made.connections * freshPart) / 10) };
      }),
    );
}

/** Few, so that they are the same in many rows. */
const scarce = fc.uniqueArray(
  fc.tuple(fc.constantFrom(20, 21, 80, 81, 90, 40_000), fc.integer({ min: 1, max: 5 })),
  {
    maxLength: 6,
    selector: ([port]) => port,
  },
);
const many = fc.uniqueArray(
  fc.tuple(fc.integer({ min: 40_000, max: 40_060 }), fc.integer({ min: 1, max: 3 })),
  { minLength: 30, maxLength: 61, selector: ([port]) => port },
);

test('with ports enough, the sums by client and server process are those of the rows', () => {
  fc.assert(
    fc.property(rowsWith(many), (rows) => {
      const expected = new Map<string, number>();
      for (const { client, server, connections } of rows) {
        const key = `${client.pid ?? client.address} → ${server.pid ?? `;${server.address};${server.port}`}`;
        expected.set(key, (expected.get(key) ?? 0) + connections);
      }
      assert.deepEqual(countsOf(endpointTopology(rows, options)), expected);
    }),
    { numRuns: 500 },
  );
});

test('with any ports, all is in the nodes, and each edge is a row’s', () => {
  fc.assert(
    fc.property(rowsWith(fc.oneof(scarce, many)), (rows) => {
      const form = endpointTopology(rows, options);
      const pairs = new Set<string>();
      for (const { client, server, ports } of rows) {
        for (const port of ports.length > 0 ? ports.map(([port]) => port) : ['none'])
          pairs.add(`;${client.address};${port} → ;${server.address};${server.port}`);
      }
      const sums = { connections: 0, failed: 0, bytesSent: 0, retransmits: 0, fresh: 0 };
      for (const node of form.topology.nodes.values()) {
        const id = node.id.replace(/;\d{6,}$/, ';none');
        for (const to of node.adjacency ?? []) assert.ok(pairs.has(`${id} → ${to}`), `${id} → ${to}`);
        if (node.adjacency === undefined) continue;
        const connections = numberOf(node, FACT.connCount) ?? 1;
        sums.connections += connections;
        sums.fresh += numberOf(node, FACT.connNew) ?? connections;
        sums.failed += numberOf(node, FACT.failedCount) ?? 0;
        sums.bytesSent += numberOf(node, FACT.bytesSent) ?? 0;
        sums.retransmits += numberOf(node, FACT.retransmits) ?? 0;
      }
      const said = rows.filter(({ connections }) => connections > 0);
      const sumOf = (of: (row: EndpointSource) => number, among = said): number =>
        among.reduce((sum, row) => sum + of(row), 0);
      const failedOf = (row: EndpointSource): number =>
        Object.values(row.failed).reduce((sum, n) => sum + n, 0);
      assert.equal(
        sums.connections,
        sumOf((row) => row.connections),
      );
      assert.equal(
        sums.fresh,
        sumOf((row) => row.fresh ?? 0),
      );
      assert.equal(
        sums.bytesSent,
        sumOf((row) => row.bytesSent),
      );
      assert.equal(
        sums.retransmits,
        sumOf((row) => row.retransmits),
      );
      assert.equal(sums.failed, sumOf(failedOf, rows));
      assert.equal(form.connections, sums.connections);
      assert.equal(form.failed, sums.failed);
    }),
    { numRuns: 500 },
  );
});

test('the same rows in any order make the same nodes', () => {
  fc.assert(
    fc.property(
      rowsWith(fc.oneof(scarce, many)).chain((rows) =>
        fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
      ),
      ([rows, shuffled]) => {
        assert.deepEqual(endpointTopology(shuffled, options), endpointTopology(rows, options));
      },
    ),
    { numRuns: 300 },
  );
});

test('no row shares an endpoint while each could have one of its own', () => {
  const rows = fc
    .uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 30 })
    .chain((servers) =>
      fc.tuple(
        ...servers.map((server, i) =>
          // Its own port is among those of others.
          fc.array(fc.integer({ min: 0, max: servers.length - 1 }), { maxLength: 8 }).map((others) =>
            rowOf({
              client: '10.0.0.1 1',
              server: `10.0.1.${server}:80`,
              ports: [...new Set([i, ...others])].map((port) => 40_000 + port),
            }),
          ),
        ),
      ),
    );
  fc.assert(
    fc.property(rows, (all) => {
      for (const { adjacency } of endpointTopology(all, options).topology.nodes.values())
        assert.ok((adjacency?.length ?? 0) <= 1);
    }),
    { numRuns: 500 },
  );
});

test('shares are whole, never negative, and add up', () => {
  const weights = fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(weights, fc.nat({ max: Number.MAX_SAFE_INTEGER }), (all, total) => {
      const shares = shareOut(total, all);
      assert.equal(
        shares.reduce((sum, share) => sum + BigInt(share), 0n),
        BigInt(total),
      );
      assert.ok(shares.every((share) => share >= 0));
      const enough = total + all.length;
      if (Number.isSafeInteger(enough)) assert.ok(shareOutToEach(enough, all).every((share) => share >= 1));
    }),
  );
});

test('evidence is called what the probe calls it, weakest first', () => {
  assert.deepEqual(PID_EVIDENCE, PID_EVIDENCE_TEXTS);
  assert.deepEqual(DIRECTION_EVIDENCE, DIRECTION_EVIDENCE_TEXTS);
});
