/** What probes measure of connections reaches edges and details: sums, means, evidence, and what two ends disagree on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeRow } from '../../src/app/describe/edges.js';
import { runApp, type RunningApp } from './running-app.js';
import { clientSide, endpointNode, hostNode, makeReport, processNode, serverSide } from './sample-reports.js';

async function onlyEdge(app: RunningApp, view = 'processes'): Promise<EdgeRow> {
  const { edges } = (await app.get(`/api/v1/edges?view=${view}`)).body as { edges: EdgeRow[] };
  assert.equal(edges.length, 1);
  return edges[0]!;
}

test("each end's count stays its own, and what differs by more than a tenth is named", async (t) => {
  const app = await runApp(t);
  const measured = { conn_count: '20', bytes_sent: '10000', bytes_received: '5000', rtt_us: '200' };
  await app.report(clientSide(measured), 'a');
  await app.report(serverSide({ ...measured, bytes_sent: '9500', rtt_us: '90', retransmits: '1' }), 'b');
  const agreeing = await onlyEdge(app);
  assert.deepEqual(agreeing.ends, {
    client: {
      connections: 20,
      opened: 0,
      closed: 0,
      live: 20,
      bytesSent: 10000,
      bytesReceived: 5000,
      retransmits: 0,
      rttMicros: 200,
    },
    server: {
      connections: 20,
      opened: 0,
      closed: 0,
      live: 20,
      bytesSent: 9500,
      bytesReceived: 5000,
      retransmits: 1,
      rttMicros: 90,
    },
  });
  assert.deepEqual(agreeing.disagreement, []);

  const other = await runApp(t);
  await other.report(clientSide(measured), 'a');
  await other.report(serverSide({ ...measured, conn_count: '12', bytes_received: '4000' }), 'b');
  assert.deepEqual((await onlyEdge(other)).disagreement, ['connections', 'bytesReceived']);
});

test('an edge that one end reports has that end only', async (t) => {
  const app = await runApp(t);
  await app.report(serverSide({ conn_count: '3' }, ['10.0.0.2/32']), 'b');
  const edge = await onlyEdge(app, 'hosts');
  assert.equal(edge.from, 'pseudo:private:10.0.0.0/8');
  assert.deepEqual(edge.ends, {
    server: {
      connections: 3,
      opened: 0,
      closed: 0,
      live: 3,
      bytesSent: 0,
      bytesReceived: 0,
      retransmits: 0,
    },
  });
  assert.equal(edge.seenBy, 'server');
});

test('means are weighted by the connections they are of', async (t) => {
  const app = await runApp(t);
  await app.report(
    makeReport({
      Host: [hostNode('x')],
      Process: [processNode('x', 1, 'a'), processNode('x', 2, 'b')],
      Endpoint: [
        endpointNode(';10.0.0.1;1', {
          owner: ['x', 1],
          to: [';10.0.0.2;80'],
          extra: { conn_count: '9', rtt_us: '100', connect_us: '10' },
        }),
        endpointNode(';10.0.0.1;2', { owner: ['x', 1], to: [';10.0.0.2;80'], extra: { rtt_us: '1100' } }),
        endpointNode(';10.0.0.2;80', { owner: ['x', 2] }),
      ],
    }),
  );
  const { rttMicros, connectMicros } = await onlyEdge(app);
  assert.deepEqual([rttMicros, connectMicros], [200, 10]);
});

test('evidence is counted in connections, and failures by their reason', async (t) => {
  const app = await runApp(t);
  const from = (port: number, extra: Record<string, string>): ReturnType<typeof endpointNode> =>
    endpointNode(`;10.0.0.1;${port}`, { owner: ['x', 1], to: [';10.0.0.2;80'], extra });
  await app.report(
    makeReport({
      Host: [hostNode('x')],
      Process: [processNode('x', 1, 'a'), processNode('x', 2, 'b')],
      Endpoint: [
        from(1, { conn_count: '9', direction_evidence: 'handshake', pid_evidence: 'use' }),
        from(2, { direction_evidence: 'port-guess', pid_evidence: 'connect' }),
        from(3, { conn_count: '0', failed_count: '7', failed_reason: 'refused', pid_evidence: 'connect' }),
        endpointNode(';10.0.0.2;80', { owner: ['x', 2], extra: { pid_evidence: 'listener' } }),
      ],
    }),
  );
  const edge = await onlyEdge(app);
  assert.deepEqual(edge.evidence, {
    direction: { handshake: 9, 'port-guess': 1 },
    clientPid: { connect: 1, use: 9 },
    serverPid: { listener: 10 },
    nat: {},
  });
  assert.deepEqual([edge.connections, edge.failed, edge.failures], [10, 7, { refused: 7 }]);
});

test('of several processes behind one port, each connection leads to the one it is with', async (t) => {
  const app = await runApp(t);
  const from = (port: number, toPid: string): ReturnType<typeof endpointNode> =>
    endpointNode(`;10.0.0.1;${port}`, { owner: ['x', 1], to: [';10.0.0.2;80'], extra: { to_pid: toPid } });
  await app.report(
    makeReport({
      Host: [hostNode('x')],
      Process: [processNode('x', 1, 'client'), processNode('x', 2, 'one'), processNode('x', 3, 'two')],
      Endpoint: [from(1, '2'), from(2, '3'), from(3, '3'), endpointNode(';10.0.0.2;80', { owner: ['x', 2] })],
    }),
  );
  const { edges } = (await app.get('/api/v1/edges')).body as { edges: EdgeRow[] };
  assert.deepEqual(
    edges.map(({ from, to, connections }) => [from, to, connections]),
    [
      ['x;1', 'x;3', 2],
      ['x;1', 'x;2', 1],
    ],
  );
});

test("a node's page shows measurements beside the counts, in columns that only measured tables have", async (t) => {
  const app = await runApp(t);
  await app.report(clientSide({ bytes_sent: '1000', rtt_us: '150', failed_count: '2' }), 'a');
  await app.report(serverSide(), 'b');
  const page = async (view: string, id: string): Promise<{ columns: { id: string }[]; cells: unknown }> => {
    const { body } = await app.get(`/api/topology/${view}/${encodeURIComponent(id)}`);
    const { connections } = (
      body as { node: { connections: { columns: { id: string }[]; connections: { metadata: unknown }[] }[] } }
    ).node;
    const [incoming, outgoing] = connections;
    assert.deepEqual(
      incoming?.columns.map((column) => column.id),
      ['port', 'count'],
    );
    return { columns: outgoing!.columns, cells: outgoing!.connections[0]?.metadata };
  };
  const { columns, cells } = await page('processes', 'alpha;11');
  assert.deepEqual(
    columns.map(({ id }) => id),
    ['port', 'count', 'bytes_sent', 'rtt_us', 'failed_count'],
  );
  assert.deepEqual(cells, [
    { id: 'port', value: '80', dataType: 'number' },
    { id: 'count', value: '1', dataType: 'number' },
    { id: 'bytes_sent', value: '1000', dataType: 'number' },
    { id: 'rtt_us', value: '150', dataType: 'number' },
    { id: 'failed_count', value: '2', dataType: 'number' },
  ]);
});
