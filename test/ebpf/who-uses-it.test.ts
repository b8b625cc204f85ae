/** The process that uses a connection is named, not the one that happened to open or accept it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { edgesTo, type JsonReport } from '../support/edges.js';
import { startNodeProgram } from '../support/program.js';
import { topoprobe } from '../support/topoprobe.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 50;
const ATTACH_MS = 1500;

for (const [how, argument] of [
  ['is passed the descriptor by its parent', 'passed'],
  ['accepts from the listener of its parent', 'inherited'],
] as const) {
  test(`a worker that ${how} is the server`, { skip: ebpfSkip }, async (t) => {
    const server = await startNodeProgram(t, 'cluster-server', [argument]);
    const [port = '', workerPid = ''] = server.firstLine.split(' ');
    const running = topoprobe(['report', '--duration', '4s', '--source', 'ebpf']);
    await sleep(ATTACH_MS);
    const client = await startNodeProgram(t, 'short-connections', ['127.0.0.1', port, CONNECTIONS]);
    const result = await running;
    assert.equal(result.code, 0, result.stderr);
    const edges = edgesTo(JSON.parse(result.stdout) as JsonReport, port);
    assert.equal(
      edges.reduce((sum, edge) => sum + edge.connections, 0),
      CONNECTIONS,
    );
    for (const edge of edges) {
      assert.equal(edge.toPid, workerPid);
      assert.equal(edge.fromPid, String(client.pid));
    }
  });
}
