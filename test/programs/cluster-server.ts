/**
 * An echo server of one parent and one worker; prints "port workerPid". Argument `passed`: the parent accepts and hands
 * the descriptor on; `inherited`: the worker accepts from the listener it was given.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:net';

if (cluster.isPrimary) {
  cluster.schedulingPolicy = process.argv[2] === 'passed' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  const worker = cluster.fork();
  cluster.on('listening', (_, address) => {
    process.stdout.write(`${address.port} ${worker.process.pid ?? 0}\n`);
  });
  // The worker ends when its channel to the parent does.
} else {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
}
