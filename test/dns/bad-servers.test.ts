/** DNS servers that are late, dead, hostile or of no use cost names, never more. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { createReverseResolver, parseServers } from '../../src/probe/dns/index.js';
import { ptr, startScriptedServer } from './scripted-server.js';
import { eventually, resolverFor, settled } from './resolver.js';

test('a late answer arrives in a later report', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    setTimeout(() => {
      asked.answer([ptr(asked.name, 'late.example')]);
    }, 100);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.1'), ['late.example']);
});

test('a lost question is sent again', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    if (dns.asked.length > 1) asked.answer([ptr(asked.name, 'second.example')]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server], { timeoutMs: 50 }), '10.0.0.1'), [
    'second.example',
  ]);
  assert.equal(dns.asked.length, 2);
});

test('a server that never answers costs the names and is left in peace for a while', async (t) => {
  const dns = await startScriptedServer(t, () => undefined);
  const resolver = resolverFor(t, [dns.server], { timeoutMs: 30 });
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), []);
  assert.equal(dns.asked.length, 2);
  for (let i = 0; i < 10; i++) assert.deepEqual(resolver.names('10.0.0.1'), []);
  await sleep(50);
  assert.equal(dns.asked.length, 2);
  assert.equal(resolver.counters()['failures'], 1);
});

test('a port where nobody listens is a failure at once', async (t) => {
  const resolver = resolverFor(t, ['127.0.0.1:9'], { timeoutMs: 60_000 });
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), []);
  assert.equal(resolver.counters()['failures'], 1);
});

test('where one server can not answer another one does, and is asked first from then on', async (t) => {
  const broken = await startScriptedServer(t, (asked) => {
    asked.answer([], { rcode: 2 });
  });
  const working = await startScriptedServer(t, (asked) => {
    asked.answer([ptr(asked.name, 'a.example')]);
  });
  const resolver = resolverFor(t, [broken.server, working.server]);
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), ['a.example']);
  assert.deepEqual(await eventually(resolver, '10.0.0.2'), ['a.example']);
  assert.deepEqual([broken.asked.length, working.asked.length], [1, 2]);
});

test('an answer that does not fit into a datagram is fetched over TCP', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    if (asked.transport === 'udp') asked.answer([], { flags: 0x0200 });
    else asked.answer([ptr(asked.name, 'long.example')]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.1'), ['long.example']);
  assert.deepEqual(
    dns.asked.map(({ transport }) => transport),
    ['udp', 'tcp'],
  );
});

test('a TCP answer that stays incomplete is a failure', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    if (asked.transport === 'udp') asked.answer([], { flags: 0x0200 });
    else asked.raw(Buffer.from([0xff, 0xff, 1, 2, 3]));
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server], { timeoutMs: 50 }), '10.0.0.1'), []);
});

test('answers to other questions and garbage are not believed', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    asked.raw(randomBytes(200));
    asked.raw(Buffer.alloc(0));
    asked.answer([ptr(asked.name, 'evil.example')], { id: ((asked.question.id ?? 0) + 1) & 0xffff });
    asked.answer([ptr(asked.name, 'evil.example')], { questions: [{ type: 'PTR', name: 'other.example' }] });
    asked.answer([ptr(asked.name, 'evil.example')], { type: 'query' });
    asked.answer([ptr('9.9.9.9.in-addr.arpa', 'evil.example'), ptr(asked.name, 'good.example')]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.1'), ['good.example']);
});

test('a flood of garbage ends the question, not the probe', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    for (let i = 0; i < 500; i++) asked.raw(randomBytes(100));
  });
  const resolver = resolverFor(t, [dns.server], { timeoutMs: 60_000 });
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), []);
  assert.equal(resolver.counters()['failures'], 1);
});

test('names that could harm a page or a terminal are not taken, and only so many of one address', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    asked.answer([
      ptr(asked.name, '<script>.example'),
      ptr(asked.name, 'bell\u0007.example'),
      ptr(asked.name, 'good_name.example'),
    ]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.1'), ['good_name.example']);
  const many = await startScriptedServer(t, (asked) => {
    asked.answer(Array.from({ length: 40 }, (_, i) => ptr(asked.name, `n${i}.example`)));
  });
  assert.equal((await eventually(resolverFor(t, [many.server]), '10.0.0.1')).length, 16);
});

test('a delegated block is followed through its alias', async (t) => {
  const alias = '7.0-63.2.0.192.in-addr.arpa';
  const dns = await startScriptedServer(t, (asked) => {
    asked.answer([{ type: 'CNAME', name: asked.name, data: alias, ttl: 60 }, ptr(alias, 'small.example')]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.7'), ['small.example']);
});

test('an alias that leads to itself has no name', async (t) => {
  const dns = await startScriptedServer(t, (asked) => {
    asked.answer([{ type: 'CNAME', name: asked.name, data: asked.name, ttl: 60 }]);
  });
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.7'), []);
});

test('repeated questions take a turn too', async (t) => {
  const dns = await startScriptedServer(t, () => undefined);
  const resolver = resolverFor(t, [dns.server], { concurrency: 20, timeoutMs: 20, tries: 3 });
  for (let i = 0; i < 40; i++) resolver.names(`10.0.0.${i}`);
  await settled(resolver);
  assert.equal(dns.asked.length, 120);
  assert.equal(resolver.counters()['questions'], 120);
});

test('closing gives up what is under way, and nothing is asked afterwards', async (t) => {
  const dns = await startScriptedServer(t, () => undefined);
  const resolver = createReverseResolver({
    servers: parseServers([dns.server]),
    limits: { timeoutMs: 60_000 },
  });
  for (let i = 0; i < 100; i++) resolver.names(`10.0.0.${i}`);
  while (dns.asked.length === 0) await sleep(5);
  await resolver.close();
  await resolver.close();
  assert.equal(resolver.counters()['in_flight'], 0);
  const { length } = dns.asked;
  assert.equal(resolver.names('10.9.9.9'), undefined);
  await sleep(30);
  // One may have been on its way.
  assert.ok(dns.asked.length <= length + 1);
  assert.ok(dns.asked.length < 100);
});
