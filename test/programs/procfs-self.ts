/** Connects to 127.0.0.1:<port>, then prints what /proc shows of connections to that port, and its own PID, as JSON. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createProcfsSource } from '../../src/probe/connections/procfs/index.js';
import { edgesTo } from '../procfs/snapshot-edges.js';

const [port = '0'] = process.argv.slice(2);
const socket = connect({ host: '127.0.0.1', port: Number(port) });
await once(socket, 'connect');
const source = await createProcfsSource();
const edges = await edgesTo(source, port);
process.stdout.write(JSON.stringify({ pid: process.pid, edges, counters: source.counters() }));
await source.close();
socket.destroy();
