/**
 * Makes N short connections one after the other: connect, send 64 bytes, read 64 bytes, close.
 * Arguments: address, port, count. Prints "done" after the last, then lives on until its stdin ends.
 */
import { connect } from 'node:net';

const PAYLOAD = Buffer.alloc(64, 'x');
const [address = '127.0.0.1', port = '0', count = '1'] = process.argv.slice(2);

function once(): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const socket = connect({ host: address, port: Number(port) }, () => socket.write(PAYLOAD));
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received >= PAYLOAD.length) socket.end();
    });
    socket.on('close', () => {
      resolve();
    });
    socket.on('error', reject);
  });
}

for (let i = 0; i < Number(count); i++) await once();
process.stdout.write('done\n');
process.stdin.resume();
