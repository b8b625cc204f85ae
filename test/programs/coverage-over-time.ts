/**
 * Takes snapshots with the eBPF source, one after the other, while one connection lives; prints, for each, the rung it was
 * made on and how many ends of that connection it has, and what the source warned of, as JSON. Arguments: how many snapshots.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { EbpfSource } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { OFFSET, RECORD } from '../../src/probe/records/layout.js';

const [count = '1'] = process.argv.slice(2);
const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
await once(server, 'listening');
const client = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
await once(client, 'connect');
const warnings: string[] = [];
const source = await EbpfSource.start({ warn: (message) => warnings.push(message) });
await source.seeded();
const made = [];
for (let i = 0; i < Number(count); i++) {
  const { records, recordCount } = await source.snapshot();
  const view = new DataView(records);
  const isEnd = (at: number): boolean =>
    [OFFSET.localPort, OFFSET.remotePort].some(
      (port) => view.getUint16(at + port, true) === client.localPort,
    );
  const ends = Array.from({ length: recordCount }, (_, at) => at * RECORD.bytes).filter(isEnd).length;
  made.push({ coverage: source.coverage, ends });
}
await source.close();
client.destroy();
server.close();
process.stdout.write(`${JSON.stringify({ made, warnings })}\n`);
