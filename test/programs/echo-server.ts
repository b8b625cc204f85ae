/** Echoes what it gets; prints its port once it listens. Arguments: address, port (0 = any). */
import { createServer } from 'node:net';

const [address = '127.0.0.1', port = '0'] = process.argv.slice(2);
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen({ host: address, port: Number(port), backlog: 1024 }, () => {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not listening on TCP');
  process.stdout.write(`${bound.port}\n`);
});
