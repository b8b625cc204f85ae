/** Answers are believed as long as they say, within bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode, type Answer } from 'dns-packet';
import { readPtrAnswer, type PtrAnswer } from '../../src/probe/dns/ptr-answer.js';
import { ptr, startScriptedServer } from './scripted-server.js';
import { eventually, resolverFor } from './resolver.js';

const QUESTION = '1.0.0.10.in-addr.arpa';

function read(answers: Answer[], authorities: Answer[] = [], rcode = 0): PtrAnswer | undefined {
  const bytes = encode({
    type: 'response',
    id: 1,
    flags: rcode,
    questions: [{ type: 'PTR', name: QUESTION }],
    answers,
    authorities,
  });
  return readPtrAnswer(decode(bytes), QUESTION);
}

const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: '10.in-addr.arpa',
  ttl,
  data: { mname: 'ns.example', rname: 'root.example', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});

test('the shortest time of names and aliases counts', () => {
  assert.equal(read([ptr(QUESTION, 'a.example', 300), ptr(QUESTION, 'b.example', 30)])?.ttlSeconds, 30);
  const alias: Answer = { type: 'CNAME', name: QUESTION, data: 'x.example', ttl: 5 };
  assert.equal(read([alias, ptr('x.example', 'a.example', 300)])?.ttlSeconds, 5);
});

test('that there is no name is true for the lesser of SOA and its minimum', () => {
  const NXDOMAIN = 3;
  assert.deepEqual(read([], [soa(900, 60)], NXDOMAIN), { names: [], ttlSeconds: 60 });
  assert.deepEqual(read([], [soa(30, 60)]), { names: [], ttlSeconds: 30 });
  assert.deepEqual(read([], [], NXDOMAIN), { names: [], ttlSeconds: undefined });
});

test('a server that fails or refuses has not answered', () => {
  for (const rcode of [1, 2, 4, 5]) assert.equal(read([], [], rcode), undefined);
});

test('the letter case of the question plays no part', () => {
  assert.deepEqual(read([ptr(QUESTION.toUpperCase(), 'A.example')])?.names, ['A.example']);
});

test('an expired name is still shown while it is asked for again', async (t) => {
  // 0 seconds is raised to the least that is believed, 10 s: the clock is moved instead of waited for.
  t.mock.method(
    performance,
    'now',
    (
      (real) => () =>
        real() + shiftMs
    )(performance.now.bind(performance)),
  );
  let shiftMs = 0;
  const dns = await startScriptedServer(t, (asked) => {
    asked.answer([ptr(asked.name, `answer-${dns.asked.length}.example`, 0)]);
  });
  const resolver = resolverFor(t, [dns.server]);
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), ['answer-1.example']);
  shiftMs = 9000;
  assert.deepEqual(resolver.names('10.0.0.1'), ['answer-1.example']);
  assert.equal(resolver.counters()['lookups'], 1);
  shiftMs = 11_000;
  assert.deepEqual(resolver.names('10.0.0.1'), ['answer-1.example']);
  assert.equal(resolver.counters()['lookups'], 2);
  let names = resolver.names('10.0.0.1');
  while (names?.[0] === 'answer-1.example') {
    await new Promise((resolve) => setTimeout(resolve, 5));
    names = resolver.names('10.0.0.1');
  }
  assert.deepEqual(names, ['answer-2.example']);
  shiftMs = 200_000;
  assert.equal(resolver.names('10.0.0.1'), undefined, 'long expired names are not shown');
});

test('any bytes that decode are an answer or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
      let packet;
      try {
        packet = decode(Buffer.from(bytes));
      } catch {
        return;
      }
      const answer = readPtrAnswer(packet, QUESTION);
      for (const name of answer?.names ?? []) assert.match(name, /^[\w.*-]{1,253}$/);
    }),
  );
});
