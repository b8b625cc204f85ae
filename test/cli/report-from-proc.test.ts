/** `report --source proc`: connections that are held open, read from /proc by whoever may. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgesTo } from '../support/edges.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';

for (const [family, address] of [
  ['IPv4', '127.0.0.1'],
  ['IPv6', '::1'],
] as const) {
  test(`a connection over ${family} held open is an edge with both processes`, async (t) => {
    const server = await startNodeProgram(t, 'echo-server', [address]);
    let client = { pid: 0, firstLine: '' };
    const report = await reportWhile(
      t,
      async () => {
        client = await startNodeProgram(t, 'held-connection', [address, server.firstLine]);
      },
      { source: 'proc' },
    );
    const edges = edgesTo(report, server.firstLine);
    assert.equal(edges.length, 1);
    const [edge] = edges;
    assert.ok(edge);
    assert.ok(edge.from.endsWith(`;${client.firstLine}`), 'from is the client');
    assert.equal(edge.fromPid, String(client.pid));
    assert.equal(edge.toPid, String(server.pid));
    assert.equal(edge.connections, 1);
  });
}
