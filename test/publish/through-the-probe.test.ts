/** From the source's records to what apps receive: every connection is told of once, also while an app is away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { Batcher } from '../../src/probe/batch/batcher.js';
import type { ConnectionSource } from '../../src/probe/records/source.js';
import { createReverseResolver } from '../../src/probe/dns/index.js';
import { Probe } from '../../src/probe/probe.js';
import { TcpState } from '../../src/probe/records/record.js';
import { encode, type Socket } from '../topology/records.js';
import { startApp } from './recording-app.js';
import { publisherFor, totalOf, until } from './shipping.js';

const SHORT_PER_SNAPSHOT = 300;
const LIVE_FOR_SNAPSHOTS = 4;

/** Short connections of several processes to several servers, and with each snapshot one that lives through four. */
class Churn implements ConnectionSource {
  readonly kind = 'ebpf';
  opened = 0;
  snapshots = 0;
  isStill = false;
  #living: { socket: Socket; left: number }[] = [];

  snapshot(): ReturnType<ConnectionSource['snapshot']> {
    this.snapshots++;
    for (const one of this.#living) one.left--;
    const sockets = this.#living.map(({ socket, left }) => ({
      ...socket,
      state: left > 0 ? TcpState.Established : TcpState.Close,
    }));
    this.#living = this.#living.filter(({ left }) => left > 0);
    if (!this.isStill) {
      for (let i = 0; i < SHORT_PER_SNAPSHOT; i++) sockets.push({ ...this.#open(), state: TcpState.Close });
      const socket = this.#open();
      this.#living.push({ socket, left: LIVE_FOR_SNAPSHOTS });
      sockets.push({ ...socket, state: TcpState.Established });
    }
    return Promise.resolve({ ...encode(sockets), takenAtNanos: 0, lost: 0 });
  }

  #open(): Socket {
    const id = ++this.opened;
    return {
      id,
      local: '10.0.0.1',
      localPort: 1024 + ((id * 2) % 60_000),
      remote: `192.0.2.${id % 5}`,
      remotePort: 443,
      pid: 100 + (id % 3),
    };
  }

  counters(): Record<string, number> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

test('an app that is killed during churn and started again has been told of every connection, once', async (t) => {
  const steady = await startApp(t);
  let app = await startApp(t);
  const received = [app];
  const publisher = publisherFor(t, [app.url, steady.url]);
  const resolver = createReverseResolver({ lookups: 'off' });
  t.after(() => resolver.close());
  const source = new Churn();
  const log = pino({ level: 'silent' });
  const probe = new Probe({
    feed: new Batcher(source),
    publishIntervalMs: 10,
    publish: (report) => {
      publisher.publish(report);
    },
    hostName: 'h',
    reporters: [],
    resolver,
    log,
  });
  t.after(() => probe.stop());
  probe.start();
  const ticks = (count: number): Promise<void> => {
    const wanted = source.snapshots + count;
    return until('ticks', () => source.snapshots >= wanted);
  };
  for (let round = 0; round < 3; round++) {
    const { length } = app.reports;
    await until('reports arrive', () => app.reports.length > length);
    await app.stop();
    await ticks(20);
    assert.equal(publisher.counters()['dropped_connections'], 0);
    app = await startApp(t, { port: app.port });
    received.push(app);
  }
  await until('it is back', () => app.reports.length > 0);
  source.isStill = true;
  await ticks(LIVE_FOR_SNAPSHOTS + 1);
  await probe.stop();
  await publisher.close();
  assert.equal(totalOf(steady.reports), source.opened);
  assert.equal(totalOf(received.flatMap(({ reports }) => reports)), source.opened);
});
