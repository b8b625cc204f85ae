/** The process that uses a connection is named, not the one that happened to open or accept it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgesTo } from '../support/edges.js';
import { startNodeProgram } from '../support/program.js';
import { reportWhile } from '../support/report-while.js';
import { needsRung } from '../support/rung.js';
import { ebpfSkip } from './requirements.js';

const CONNECTIONS = 50;

for (const [how, argument] of [
  ['is passed the descriptor by its parent', 'passed'],
  ['accepts from the listener of its parent', 'inherited'],
] as const) {
  test(`a worker that ${how} is the server`, { skip: ebpfSkip }, async (t) => {
    const server = await startNodeProgram(t, 'cluster-server', [argument]);
    const [port = '', workerPid = ''] = server.firstLine.split(' ');
    let clientPid = 0;
    const report = await reportWhile(t, async () => {
      clientPid = (await startNodeProgram(t, 'short-connections', ['127.0.0.1', port, CONNECTIONS])).pid;
    });
    const edges = edgesTo(report, port);
    assert.equal(
      edges.reduce((sum, edge) => sum + edge.connections, 0),
      CONNECTIONS,
    );
    for (const edge of edges) {
      assert.equal(edge.toPid, workerPid);
      assert.equal(edge.fromPid, String(clientPid));
    }
  });
}

test(
  'processes are known from within a time namespace, where the machine has been up for longer',
  { skip: ebpfSkip || needsRung('files') },
  async (t) => {
    const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
    let clientPid = 0;
    const report = await reportWhile(
      t,
      async () => {
        clientPid = (await startNodeProgram(t, 'held-connection', ['127.0.0.1', server.firstLine])).pid;
      },
      { within: ['unshare', '--time', '--boottime', '100000', '--fork', '--kill-child'] },
    );
    const edges = edgesTo(report, server.firstLine).map(({ fromPid, toPid }) => [fromPid, toPid]);
    assert.deepEqual(edges, [[String(clientPid), String(server.pid)]]);
  },
);
