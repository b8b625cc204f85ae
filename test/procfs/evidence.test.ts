/** Without a handshake seen, direction is told by listeners, and guessed where there is none: the report says which. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNodeProgram, startProgram } from '../support/program.js';
import { WatchedSource } from '../support/watched-source.js';
import { openProcfs } from './snapshot-edges.js';

/** Takes one connection and stops listening before it says so. */
const STOPS_LISTENING = `
import socket, sys
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)
c, _ = s.accept()
s.close()
c.send(b'.')
sys.stdin.read()
`;
const CLIENT = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
if sys.argv[2] == 'wait': s.recv(1)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

test('a listener is evidence, a lower port is a guess', async (t) => {
  const listening = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const stopped = await startProgram(t, ['python3', '-c', STOPS_LISTENING]);
  const known = await startProgram(t, ['python3', '-c', CLIENT, listening.firstLine, 'go on']);
  const guessed = await startProgram(t, ['python3', '-c', CLIENT, stopped.firstLine, 'wait']);
  const { nodes } = await new WatchedSource(await openProcfs(t)).next();
  const facts = (port: string): readonly (string | undefined)[] => {
    const [, latest] = [...nodes].find(([id]) => id.endsWith(`;127.0.0.1;${port}`)) ?? [];
    const fact = (key: string): string | undefined => latest?.latest?.get(key)?.value;
    return [fact('pid'), fact('pid_evidence'), fact('direction_evidence')];
  };
  assert.deepEqual(facts(known.firstLine), [String(known.pid), 'table-scan', 'listener-table']);
  const [lower, higher] = [guessed, stopped].sort((a, b) => Number(a.firstLine) - Number(b.firstLine));
  assert.ok(lower && higher);
  assert.deepEqual(facts(higher.firstLine), [String(higher.pid), 'table-scan', 'port-guess']);
  assert.deepEqual(facts(lower.firstLine), [String(lower.pid), 'table-scan', undefined], 'it is the server');
});
