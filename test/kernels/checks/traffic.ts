/** Bytes of connections, held against what their own two processes sent and received. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watch, type Seen } from '../../ebpf/seen-scenario.js';
import { TcpState } from '../../../src/probe/records/tcp-state.js';
import { socketsIn } from '../../support/socket-records.js';
import { EVERY_RUNG, optionsOf, SCANNING_RUNGS, type Check } from './check.js';

/** What clients ask with, and how much they get for it. */
const SIZES = [
  [1, 0],
  [1_000, 64],
  [100_003, 7],
  [3, 700_001],
] as const;
const PATIENCE_MS = 20_000;

interface Pair {
  readonly client: Socket;
  readonly port: number;
  readonly sent: number;
  readonly received: number;
}

/** Connections of this process to itself over which the sizes have gone, in both directions. */
async function transfer(t: TestContext): Promise<Pair[]> {
  const server = createServer({ allowHalfOpen: false });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pairs: Pair[] = [];
  for (const [sent, received] of SIZES) {
    const accepted = once(server, 'connection');
    const client = connect(port, '127.0.0.1');
    const [peer] = (await accepted) as [Socket];
    t.after(() => {
      client.destroy();
      peer.destroy();
    });
    await Promise.all([carry(client, peer, sent), carry(peer, client, received)]);
    pairs.push({ client, port: client.localPort ?? 0, sent, received });
  }
  return pairs;
}

async function carry(from: Socket, to: Socket, bytes: number): Promise<void> {
  let left = bytes;
  to.on('data', (part) => {
    left -= part.length;
  });
  if (bytes > 0) from.write(Buffer.alloc(bytes));
  while (left > 0) await once(to, 'data');
  assert.equal(left, 0);
}

/** `sent/received` of the clients' ends that live or are closed, in the order of `pairs`. */
async function bytesOf(seen: Seen, pairs: readonly Pair[], isClosed: boolean): Promise<string[]> {
  const netns = statSync('/proc/self/ns/net').ino;
  const sockets = socketsIn(await seen.source.snapshot(), netns);
  return pairs.map(({ port }) => {
    const end = sockets.find(
      ({ localPort, state }) => localPort === port && (state === TcpState.Close) === isClosed,
    );
    return end === undefined ? 'not seen' : `${end.bytesSent}/${end.bytesReceived}`;
  });
}

const expectedOf = (pairs: readonly Pair[]): string[] =>
  pairs.map(({ sent, received }) => `${sent}/${received}`);

export const traffic: readonly Check[] = [
  {
    name: 'bytes of held connections, exact',
    rungs: SCANNING_RUNGS,
    run: async (t, rung) => {
      const seen = await watch(t, optionsOf(rung));
      const pairs = await transfer(t);
      const expected = expectedOf(pairs);
      const deadline = Date.now() + PATIENCE_MS;
      let reported = await bytesOf(seen, pairs, false);
      // What is sent counts once it is acknowledged, which may be a moment after it was received.
      while (reported.join() !== expected.join() && Date.now() < deadline) {
        await sleep(20);
        reported = await bytesOf(seen, pairs, false);
      }
      assert.deepEqual(reported, expected);
    },
  },
  {
    name: 'bytes of closed connections, exact',
    rungs: EVERY_RUNG,
    run: async (t, rung) => {
      const seen = await watch(t, optionsOf(rung));
      const pairs = await transfer(t);
      await Promise.all(
        pairs.map(async ({ client }) => {
          const closed = once(client, 'close');
          client.end();
          await closed;
        }),
      );
      assert.deepEqual(await bytesOf(seen, pairs, true), expectedOf(pairs));
    },
  },
];
