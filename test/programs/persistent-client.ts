/**
 * persistent-client ADDRESS PORT [TIMEOUT_MS]: dials every 200 ms, whatever comes of it, and closes what it reached; says
 * `dialling` first. With a timeout it gives each connect up after that time, else it waits as long as the kernel does.
 */
import { connect } from 'node:net';

const INTERVAL_MS = 200;
const [address = '', port = '', timeoutMs = '0'] = process.argv.slice(2);
setInterval(() => {
  const socket = connect(Number(port), address);
  socket.on('error', () => undefined);
  socket.on('connect', () => socket.end());
  if (Number(timeoutMs) > 0) setTimeout(() => socket.destroy(), Number(timeoutMs));
}, INTERVAL_MS);
process.stdout.write('dialling\n');
