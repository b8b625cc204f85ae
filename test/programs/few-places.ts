/**
 * Makes connections one after the other, many more than the table of sockets has places for, and takes a snapshot now and
 * then; prints which programs are missing, how many ends were reported, and how many sockets had no record, as JSON.
 * Arguments: how many connections.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { loadTracker } from 'ebpf-bridge/ebpf';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

/** The table has no more places, and the kernel gives so many sockets a record. */
const PLACES = 64;
const EVERY = 10;

const [count = '1'] = process.argv.slice(2);
const server = createServer((socket) => socket.resume().end()).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const tracker = await loadTracker({ maxConnections: PLACES });
await tracker.sweepAdopt();
let seen = 0;
async function look(): Promise<void> {
  const { records, recordCount } = await tracker.snapshot();
  const view = new DataView(records);
  for (let at = 0; at < recordCount * RECORD.bytes; at += RECORD.bytes) {
    const isOurs = [OFFSET.localPort, OFFSET.remotePort].some(
      (each) => view.getUint16(at + each, true) === port,
    );
    if (isOurs && view.getUint8(at + OFFSET.state) === TcpState.Close) seen++;
  }
}
for (let i = 0; i < Number(count); i++) {
  const socket = connect(port, '127.0.0.1').resume();
  await once(socket, 'close');
  if (i % EVERY === 0) await look();
}
await look();
const { untracked } = await tracker.counters();
const blind = (await tracker.refusals()).map(({ program }) => program);
await tracker.close();
server.close();
process.stdout.write(`${JSON.stringify({ blind, seen, untracked })}\n`);
