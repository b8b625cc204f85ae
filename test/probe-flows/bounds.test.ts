/** However many ports, clients and servers: the flows are few or bounded, the sums exact, and what lived is forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Num } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';
import { newState, newsOf } from '../support/flow-state.js';
import { client, encode, server, type Socket } from './records.js';

const sumOf = ({ flows }: Statement, place: number): number =>
  flows.reduce((sum, { state }) => sum + state!.numbers[place]!, 0);

const closed = (sockets: readonly Socket[]): Socket[] =>
  sockets.map((socket): Socket => ({ ...socket, state: TcpState.Close }));

test('65,535 ports of one client are one flow, live and closed', () => {
  const sockets = Array.from({ length: 65_535 }, (_, i) =>
    client({ id: i + 1, from: '10.0.0.1', fromPort: i + 1, to: '192.0.2.1', toPort: 80, fromPid: 10 }),
  );
  const state = newState();
  state.take(newsOf(encode(sockets)));
  const first = state.statementSince(0);
  assert.equal(first.flows.length, 1);
  assert.equal(sumOf(first, Num.Live), sockets.length);
  const { ports, standsFor, modulus } = first.flows[0]!.state!.ports;
  assert.ok(ports.length <= 64 && modulus > 1);
  assert.equal(
    standsFor.reduce((sum, count) => sum + count, 0),
    sockets.length,
  );
  assert.ok(ports.every((port) => port % modulus === 0));
  state.take(newsOf(encode(closed(sockets))));
  const second = state.statementSince(1);
  assert.deepEqual(
    [Num.Opened, Num.Live, Num.Closed].map((place) => sumOf(second, place)),
    [65_535, 0, 65_535],
  );
  assert.equal(state.counters()['followed_connections'], 0);
});

test('100,000 clients of one server, with room for fewer flows: the rest is in one of nobody in particular, and the sums are exact', () => {
  const clients = 100_000;
  const sockets = Array.from({ length: clients }, (_, i) => ({
    ...server({
      id: i + 1,
      from: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      fromPort: 40_000,
      to: '192.0.2.1',
      toPort: 80,
    }),
    bytesSent: 1,
  }));
  const state = newState({ maxFlows: 20_000 });
  state.take(newsOf(encode(sockets)));
  const { flows } = state.statementSince(0);
  assert.equal(flows.length, 20_001);
  const other = flows.filter(({ definition }) => definition!.server.address === '');
  assert.deepEqual(
    other.map(({ state: { numbers } = { numbers: [] } }) => numbers[Num.Live]),
    [clients - 20_000],
  );
  assert.equal(state.counters()['overflowed_connections'], clients - 20_000);
  assert.equal(sumOf(state.statementSince(0), Num.BytesReceived), clients);
  state.take(newsOf(encode(closed(sockets))));
  const after = state.statementSince(0);
  assert.deepEqual(
    [Num.Opened, Num.Live, Num.Closed].map((place) => sumOf(after, place)),
    [clients, 0, clients],
  );
  assert.equal(state.counters()['overflowed_connections'], clients - 20_000, 'each is counted once');
});

test('10,000 servers of one client are flows of their own', () => {
  const sockets = Array.from({ length: 10_000 }, (_, i) =>
    client({ id: i + 1, from: '10.0.0.1', fromPort: 40_000, to: `192.0.${i >> 8}.${i & 255}`, toPort: 443 }),
  );
  const state = newState();
  state.take(newsOf(encode(closed(sockets))));
  const { flows } = state.statementSince(0);
  assert.equal(flows.length, 10_000);
  assert.ok(
    flows.every(
      ({ state: { numbers, ports } = {} as never }) => numbers[Num.Opened] === 1 && ports.ports[0] === 40_000,
    ),
  );
});

test('flows that are idle go when every app has them, but none in which something may still change', () => {
  let nowMs = 0;
  const state = newState({ clock: () => nowMs });
  let confirmed = 0;
  state.confirmedSeq = () => confirmed;
  const gone = client({ id: 1, from: '10.0.0.1', fromPort: 1000, to: '192.0.2.1', toPort: 80 });
  const half = client({ id: 2, from: '127.0.0.1', fromPort: 1001, to: '127.0.0.1', toPort: 80, fromPid: 10 });
  state.take(newsOf(encode(closed([gone, half]))));
  const tick = (count: number, stepMs: number, ...sockets: Socket[]): void => {
    for (let i = 0; i < count; i++) {
      nowMs += stepMs;
      state.take(newsOf(encode(sockets)));
    }
  };
  tick(150, 1000);
  assert.equal(state.statementSince(0).flows.length, 2, 'no app has them');
  confirmed = state.seq;
  tick(60, 1000);
  assert.equal(state.statementSince(0).flows.length, 0);
  assert.deepEqual(state.statementSince(1).gone.length, 2);
  assert.deepEqual(state.statementSince(state.seq - 1).flows, []);
});

test('with hardly any room left idle flows go at once, and a connection whose other end comes then is still counted right', () => {
  let nowMs = 0;
  const state = newState({ clock: () => nowMs, maxFlows: 10 });
  state.confirmedSeq = () => 0;
  const brief = (id: number): Socket =>
    client({ id, from: '10.0.0.1', fromPort: 1000, to: `192.0.2.${id}`, toPort: 80, fromPid: 9 });
  const pair = {
    id: 50,
    from: '127.0.0.1',
    fromPort: 1001,
    to: '127.0.0.1',
    toPort: 80,
    fromPid: 10,
    toPid: 20,
  };
  // The sweep comes with every sixtieth tick.
  for (let i = 0; i < 59; i++) {
    nowMs += 1000;
    state.take(newsOf(encode(i < 9 ? closed([brief(i + 1)]) : [])));
  }
  state.take(newsOf(encode(closed([client(pair)]))));
  state.take(newsOf(encode(closed([server(pair)]))));
  const local = state
    .statementSince(0)
    .flows.filter(({ definition }) => definition!.server.address === '127.0.0.1')
    .map(({ definition, state: now }) => [
      definition!.server.process?.pid,
      now!.numbers[Num.Opened],
      now!.numbers[Num.Closed],
    ]);
  assert.deepEqual(local, [
    [undefined, 0, 0],
    [20, 1, 1],
  ]);
});
