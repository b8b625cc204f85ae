/** NAT is looked through whatever is translated and however often, and nothing else is touched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { resolveNat } from '../../src/probe/nat/resolve-nat.js';
import { FLOW_BYTES, FLOW_OFFSET, type FlowBatch } from '../../src/probe/records/nat-flow.js';
import { Direction } from '../../src/probe/records/layout.js';
import type { Node } from '../../src/report/model/model.js';
import { edgesBetween, type Edge } from '../probe-flows/edges.js';
import { endpointsOf } from '../support/flow-state.js';
import {
  client,
  encode,
  NETNS,
  server,
  type Batch,
  type Connection,
  type Socket,
} from '../probe-flows/records.js';

interface End {
  readonly address: string;
  readonly port: number;
}

/** One translation: the client as it comes and goes, the server as it is dialled and where it leads. */
interface Flow {
  readonly client: End;
  readonly dialled: End;
  readonly server: End;
  readonly source: End;
  readonly netns?: number;
}

function bytesOf(address: string): number[] {
  const parsed = ipaddr.parse(address);
  return (parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed).toByteArray();
}

function flowsOf(flows: readonly Flow[]): FlowBatch {
  const bytes = Buffer.alloc(flows.length * FLOW_BYTES);
  for (const [i, flow] of flows.entries()) {
    for (const [at, end] of [flow.client, flow.dialled, flow.server, flow.source].entries()) {
      bytes.set(bytesOf(end.address), i * FLOW_BYTES + at * 16);
      bytes.writeUInt16LE(end.port, i * FLOW_BYTES + FLOW_OFFSET.originalSourcePort + at * 2);
    }
    bytes.writeUInt32LE(flow.netns ?? NETNS, i * FLOW_BYTES + FLOW_OFFSET.netns);
  }
  return { flows: new Uint8Array(bytes).buffer, flowCount: flows.length };
}

function graph(
  sockets: readonly Socket[],
  flows: readonly Flow[],
): { edges: Edge[]; nodes: ReadonlyMap<string, Node> } {
  const batch = { ...encode(sockets), isWhole: true };
  const flowBatch = flowsOf(flows);
  const { dialled } = resolveNat(batch, flowBatch);
  const { nodes } = endpointsOf(batch, { dialled, natFlows: flowBatch }).topology;
  return { edges: edgesBetween(nodes), nodes };
}

const latest = (node: Node | undefined, key: string): string | undefined => node?.latest?.get(key)?.value;

const CLIENT: End = { address: '10.0.0.1', port: 40000 };
const DIALLED: End = { address: '10.0.0.9', port: 80 };
const SERVER: End = { address: '10.1.0.2', port: 8080 };
const SOURCE: End = { address: '10.1.0.1', port: 31000 };

/** The client's socket as it sees itself, and the server's, of a connection that is translated between them. */
function clientOf(from: End, to: End, more: Partial<Connection> = {}): Socket {
  return client({
    id: 1,
    from: from.address,
    fromPort: from.port,
    to: to.address,
    toPort: to.port,
    fromPid: 11,
    ...more,
  });
}
function serverOf(from: End, to: End, more: Partial<Connection> = {}): Socket {
  return server({
    id: 2,
    from: from.address,
    fromPort: from.port,
    to: to.address,
    toPort: to.port,
    toPid: 22,
    ...more,
  });
}

const id = ({ address, port }: End): string => `;${address};${port}`;
const JOINED: Edge = { from: id(CLIENT), to: id(SERVER), fromPid: '11', toPid: '22', count: 1 };

for (const [name, dialled, source] of [
  ['DNAT', DIALLED, CLIENT],
  ['SNAT', SERVER, SOURCE],
  ['both', DIALLED, SOURCE],
] as const) {
  const flow: Flow = { client: CLIENT, dialled, server: SERVER, source };

  test(`${name}: both ends are one connection, counted once`, () => {
    const { edges } = graph([clientOf(CLIENT, dialled), serverOf(source, SERVER)], [flow]);
    assert.deepEqual(edges, [JOINED]);
  });

  test(`${name}: either end alone leads to the real other end`, () => {
    for (const socket of [clientOf(CLIENT, dialled), serverOf(source, SERVER)]) {
      const [edge, ...others] = graph([socket], [flow]).edges;
      assert.deepEqual([edge?.from, edge?.to, others], [JOINED.from, JOINED.to, []]);
    }
  });

  test(`${name}: copies say whose they are, and the client what it dialled and looks like`, () => {
    const { nodes } = graph([clientOf(CLIENT, dialled), serverOf(source, SERVER)], [flow]);
    if (dialled === DIALLED) {
      assert.equal(latest(nodes.get(id(DIALLED)), 'copy_of'), id(SERVER));
      assert.equal(latest(nodes.get(id(DIALLED)), 'pid'), '22');
      assert.equal(latest(nodes.get(id(CLIENT)), 'nat_destination'), '10.0.0.9:80');
    }
    for (const real of [CLIENT, SERVER]) assert.equal(latest(nodes.get(id(real)), 'copy_of'), undefined);
  });

  test(`${name}: a client whose server is elsewhere has copies under the address that it looks like there`, () => {
    const { nodes } = graph([clientOf(CLIENT, dialled)], [flow]);
    if (source === SOURCE) {
      assert.equal(latest(nodes.get(id(SOURCE)), 'copy_of'), id(CLIENT));
      assert.equal(latest(nodes.get(id(SOURCE)), 'pid'), '11');
      assert.deepEqual(nodes.get(id(SOURCE))?.adjacency, [id(SERVER)]);
      assert.equal(latest(nodes.get(id(CLIENT)), 'nat_source'), '10.1.0.1:31000');
    }
    for (const real of [CLIENT, SERVER]) assert.equal(latest(nodes.get(id(real)), 'copy_of'), undefined);
  });

  test(`${name}: a host that only forwards says which addresses are the same`, () => {
    const { nodes } = graph([], [flow]);
    const copies = [...nodes].map(([key, node]) => [key, latest(node, 'copy_of')]);
    const expected = [
      ...(dialled === DIALLED ? [[id(DIALLED), id(SERVER)]] : []),
      ...(source === SOURCE ? [[id(SOURCE), id(CLIENT)]] : []),
    ];
    assert.deepEqual(copies, expected);
  });
}

test('translations in a row, one per namespace, are followed to the end', () => {
  const middle: End = { address: '10.5.0.5', port: 5555 };
  const between: End = { address: '10.6.0.6', port: 6666 };
  const { edges } = graph(
    [clientOf(CLIENT, DIALLED), serverOf(SOURCE, SERVER)],
    [
      { client: CLIENT, dialled: DIALLED, server: middle, source: between, netns: 1 },
      { client: between, dialled: middle, server: SERVER, source: SOURCE, netns: 2 },
    ],
  );
  assert.deepEqual(edges, [JOINED]);
});

test('a loopback client of a published port is found in its own namespace', () => {
  const local: End = { address: '127.0.0.1', port: 40000 };
  const published: End = { address: '127.0.0.1', port: 80 };
  const { edges } = graph(
    [clientOf(local, published, { netns: 7 }), serverOf(SOURCE, SERVER, { netns: 8 })],
    [{ client: local, dialled: published, server: SERVER, source: SOURCE, netns: 7 }],
  );
  assert.deepEqual(edges, [{ ...JOINED, from: 'vm-7;127.0.0.1;40000' }]);
});

test('the flow of the own namespace counts; two of others that differ decide nothing', () => {
  const elsewhere: End = { address: '10.9.9.9', port: 9 };
  const flow = (to: End, netns: number): Flow => ({
    client: CLIENT,
    dialled: DIALLED,
    server: to,
    source: CLIENT,
    netns,
  });
  const to = (flows: readonly Flow[]): string | undefined =>
    graph([clientOf(CLIENT, DIALLED)], flows).edges[0]?.to;
  assert.equal(to([flow(elsewhere, 5), flow(SERVER, NETNS)]), id(SERVER));
  assert.equal(to([flow(elsewhere, 5), flow(SERVER, 6)]), id(DIALLED));
  assert.equal(to([flow(SERVER, 5), flow(SERVER, 6)]), id(SERVER));
});

test('as many sockets as flows that differ have one each; whose is which is not guessed', () => {
  const elsewhere: End = { address: '10.9.9.9', port: 9 };
  const flow = (to: End, netns = 9): Flow => ({
    client: CLIENT,
    dialled: DIALLED,
    server: to,
    source: CLIENT,
    netns,
  });
  const zones = [flow(SERVER), flow(elsewhere)];
  const socket = (netns: number): Socket => clientOf(CLIENT, DIALLED, { id: netns, netns, fromPid: netns });
  const ends = (...netns: number[]): [string, string | undefined][] =>
    graph(netns.map(socket), zones).edges.map(({ to, fromPid }) => [to, fromPid]);
  const expected = [
    [id(SERVER), undefined],
    [id(elsewhere), undefined],
  ];
  assert.deepEqual(ends(5, 6), expected);
  assert.deepEqual(ends(6, 5), expected);
  // One that is elsewhere, and two of which one is over.
  assert.deepEqual(ends(5), [[id(DIALLED), '5']]);
  assert.deepEqual(ends(5, 5), [[id(DIALLED), '5']]);
  // Zones of the socket's own namespace.
  assert.deepEqual(ends(9), [[id(DIALLED), '9']]);
});

test('the direction of a connection whose handshake nobody saw is the flow’s', () => {
  const low: End = { address: '10.0.0.1', port: 22 };
  const high: End = { address: '10.0.0.2', port: 50000 };
  const flow: Flow = { client: low, dialled: high, server: high, source: low };
  const unknown = (socket: Socket): Socket => ({ ...socket, direction: Direction.Unknown });
  const sockets = [unknown(clientOf(low, high)), unknown(serverOf(low, high))];
  assert.deepEqual(
    graph(sockets, [flow]).edges.map(({ from, to }) => [from, to]),
    [[id(low), id(high)]],
  );
});

test('flows that translate in a circle end', () => {
  const circle: Flow[] = [
    { client: CLIENT, dialled: DIALLED, server: SERVER, source: CLIENT },
    { client: CLIENT, dialled: SERVER, server: DIALLED, source: CLIENT },
  ];
  assert.equal(graph([clientOf(CLIENT, DIALLED)], circle).edges.length, 1);
});

const end = fc.record({
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', '172.16.0.1', '127.0.0.1'),
  port: fc.integer({ min: 1, max: 4 }),
});
const anyFlow = fc.record({
  client: end,
  dialled: end,
  server: end,
  source: end,
  netns: fc.integer({ min: 1, max: 3 }),
});
const anySocket = fc
  .record({ from: end, to: end, netns: fc.integer({ min: 1, max: 3 }), isClient: fc.boolean() })
  .map(({ from, to, netns, isClient }) => (isClient ? clientOf : serverOf)(from, to, { netns }));

test('laws: local ends, counts and the order of flows', () => {
  fc.assert(
    fc.property(
      fc.array(anySocket, { maxLength: 6 }).map((all) => all.map((socket, i) => ({ ...socket, id: i + 1 }))),
      fc.array(anyFlow, { maxLength: 6 }),
      (sockets, flows) => {
        const before = encode(sockets);
        const after = { ...encode(sockets), isWhole: true };
        const natFlows = flowsOf(flows);
        const { replaced, dialled } = resolveNat(after, natFlows);
        assert.equal(after.recordCount, before.recordCount);
        assert.ok(replaced <= sockets.length);
        // A socket's own address and port and its id are never changed, its process is at most taken away.
        for (let i = 0; i < sockets.length; i++) {
          for (const [from, to] of [
            [0, 56],
            [80, 98],
            [112, 144],
          ] as const) {
            assert.deepEqual(
              new Uint8Array(after.records, i * 144 + from, to - from),
              new Uint8Array(before.records, i * 144 + from, to - from),
            );
          }
          const pidOf = ({ records }: Batch): number => new DataView(records).getUint32(i * 144 + 76, true);
          assert.ok([pidOf(before), 0].includes(pidOf(after)));
        }
        const plain = endpointsOf(after).topology.nodes;
        const { nodes } = endpointsOf(after, { dialled, natFlows }).topology;
        // Every endpoint stays, with all its edges; what is added is a copy of another one.
        for (const key of plain.keys()) assert.ok(nodes.has(key), key);
        for (const [key, node] of nodes) {
          const original = plain.get(key);
          for (const other of original?.adjacency ?? []) assert.ok(node.adjacency?.includes(other));
          if (original === undefined) assert.notEqual(latest(node, 'copy_of') ?? key, key);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('without flows nothing changes', () => {
  fc.assert(
    fc.property(fc.array(anySocket, { maxLength: 6 }), (sockets) => {
      const batch = { ...encode(sockets), isWhole: true };
      assert.equal(resolveNat(batch, flowsOf([])).replaced, 0);
      assert.deepEqual(new Uint8Array(batch.records), new Uint8Array(encode(sockets).records));
    }),
  );
});
