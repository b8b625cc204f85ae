/** Opens one connection and keeps it; prints its local port. Arguments: address, port, local port (0 = any). */
import { connect } from 'node:net';

const [address = '127.0.0.1', port = '0', localPort = '0'] = process.argv.slice(2);
const socket = connect({ host: address, port: Number(port), localPort: Number(localPort) }, () => {
  process.stdout.write(`${socket.localPort ?? 0}\n`);
});
socket.resume();
