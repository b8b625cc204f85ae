/**
 * Parts of a program that each bring about one error which nobody listens to, once. Prints, as JSON, how often each part was
 * started and what was counted, as soon as each was started again. Its log goes to stderr.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { createReadStream, readFile } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { startProgram } from '../../src/cli/program.js';

/** Of nobody (RFC 5737). */
const NOT_OURS = '203.0.113.1';
const NOWHERE = '/nonexistent';

const FAULTS: Record<string, () => unknown> = {
  timer: () =>
    setTimeout(() => {
      throw new Error('in a timer');
    }, 1),
  immediate: () =>
    setImmediate(() => {
      throw new Error('in an immediate');
    }),
  'promise that nobody waits for': async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    throw new Error('in a promise');
  },
  'rejection with no error': async () => {
    await new Promise((resolve) => setImmediate(resolve));
    // Not all that packages throw is an Error.
    await Promise.reject(Object.create(null) as Error);
  },
  'connect that is refused': () => connect(1, '127.0.0.1'),
  'address that is not ours': () => createServer().listen(1, NOT_OURS),
  datagram: () => createSocket('udp4').bind(1, NOT_OURS),
  'request that is refused': () => get('http://127.0.0.1:1/'),
  thread: () => new Worker('throw new Error("in a thread")', { eval: true }),
  'thread that is not there': () => new Worker(NOWHERE),
  'child that is not there': () => spawn(NOWHERE),
  stream: () => createReadStream(NOWHERE),
  callback: () => {
    readFile(NOWHERE, (error) => {
      if (error) throw error;
    });
  },
  'event of an error': () => setImmediate(() => new EventEmitter().emit('error', new Error('an event'))),
};

const program = startProgram({ logLevel: 'info', logFormat: 'json' });
const starts = new Map<string, number>();
for (const [name, fault] of Object.entries(FAULTS)) {
  const start = (): void => {
    const count = (starts.get(name) ?? 0) + 1;
    starts.set(name, count);
    // What the fault returns is left to itself: that is what this is about.
    if (count === 1) fault();
  };
  program.supervisor.run({ name, restart: start }, start);
}
const looking = setInterval(() => {
  if ([...starts.values()].some((count) => count < 2)) return;
  clearInterval(looking);
  process.stdout.write(
    JSON.stringify({
      starts: Object.fromEntries(starts),
      counters: program.counters(),
      troubles: program.troubles(),
    }),
  );
}, 5);
