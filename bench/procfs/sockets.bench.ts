/**
 * Socket tables by netlink beside the text of /proc/net/tcp: milliseconds for one namespace, with connections open and with
 * many more in TIME_WAIT. Arguments: connections (default 5,000), each two sockets of this process.
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { SocketReader } from '../../src/probe/connections/procfs/socket-dump.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

const CONNECTIONS = Number(process.argv[2] ?? 5_000);
const ROUNDS = 15;
const STATES = (1 << TcpState.Listen) | (1 << TcpState.Established);

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.resume();
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
const { port } = address;

async function open(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

const netns = statSync('/proc/self/ns/net').ino;

async function measure(textOnly: boolean): Promise<{ ms: number; sockets: number; source: string }> {
  const times: number[] = [];
  let sockets = 0;
  let source = '';
  for (let round = -2; round < ROUNDS; round++) {
    const start = performance.now();
    const table = await new SocketReader('/proc', textOnly).read(netns, [process.pid], STATES);
    sockets = 0;
    table?.each(STATES, () => sockets++);
    if (round >= 0) times.push(performance.now() - start);
    source = table?.source ?? 'none';
  }
  return { ms: times.sort((a, b) => a - b)[ROUNDS >> 1]!, sockets, source };
}

async function compare(what: string): Promise<void> {
  const diag = await measure(false);
  const text = await measure(true);
  console.log(
    `${what}: ${diag.source} ${diag.ms.toFixed(1)} ms (${diag.sockets} sockets), ` +
      `${text.source} ${text.ms.toFixed(1)} ms (${text.sockets}), ratio ${(text.ms / diag.ms).toFixed(1)}x`,
  );
}

const held: Socket[] = [];
for (let i = 0; i < CONNECTIONS; i++) held.push(await open());
await compare(`${CONNECTIONS} connections open`);
for (const socket of held) socket.end();
await Promise.all(held.filter(({ closed }) => !closed).map((socket) => once(socket, 'close')));
await compare(`none open, ${CONNECTIONS} in TIME_WAIT`);
server.close();
