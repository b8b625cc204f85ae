/** Names of addresses from a real DNS server: learnt in the background, believed for their time, within bounds. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createReverseResolver, parseServers } from '../../src/probe/dns/index.js';
import { startDnsmasq } from './dnsmasq.js';
import { eventually, resolverFor, settled } from './resolver.js';

test('an unknown address is "not yet" at first and has its name later', async (t) => {
  const dns = await startDnsmasq(t, ['ptr-record=7.2.20.10.in-addr.arpa,web.example']);
  const resolver = resolverFor(t, [dns.server]);
  assert.equal(resolver.names('10.20.2.7'), undefined);
  assert.deepEqual(await eventually(resolver, '10.20.2.7'), ['web.example']);
  assert.deepEqual(dns.asked(), ['7.2.20.10.in-addr.arpa']);
});

test('IPv6 and IPv4-mapped addresses have names', async (t) => {
  const nibbles = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2';
  const dns = await startDnsmasq(t, [
    `ptr-record=${nibbles}.ip6.arpa,six.example`,
    'ptr-record=1.0.0.10.in-addr.arpa,four.example',
  ]);
  const resolver = resolverFor(t, [dns.server]);
  assert.deepEqual(await eventually(resolver, '2001:db8::1'), ['six.example']);
  assert.deepEqual(await eventually(resolver, '::ffff:10.0.0.1'), ['four.example']);
});

test('an address with several names has them all, sorted', async (t) => {
  const dns = await startDnsmasq(t, [
    'ptr-record=1.0.0.10.in-addr.arpa,b.example',
    'ptr-record=1.0.0.10.in-addr.arpa,a.example',
  ]);
  assert.deepEqual(await eventually(resolverFor(t, [dns.server]), '10.0.0.1'), ['a.example', 'b.example']);
});

test('that an address has no name is remembered', async (t) => {
  const dns = await startDnsmasq(t, []);
  const resolver = resolverFor(t, [dns.server]);
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), []);
  for (let i = 0; i < 10; i++) assert.deepEqual(resolver.names('10.0.0.1'), []);
  await settled(resolver);
  assert.equal(dns.asked().length, 1);
  assert.equal(resolver.counters()['negative_answers'], 1);
});

test('many requests for one address are one question', async (t) => {
  const dns = await startDnsmasq(t, ['ptr-record=1.0.0.10.in-addr.arpa,a.example']);
  const resolver = resolverFor(t, [dns.server]);
  for (let i = 0; i < 100; i++) resolver.names('10.0.0.1');
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), ['a.example']);
  assert.equal(dns.asked().length, 1);
});

test('addresses that mean nothing beyond this machine or link are never asked for', async (t) => {
  const dns = await startDnsmasq(t, []);
  const resolver = resolverFor(t, [dns.server]);
  const never = [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '169.254.1.1',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '',
    'nonsense',
  ];
  for (const address of never) assert.deepEqual(resolver.names(address), [], address);
  await settled(resolver);
  assert.deepEqual(dns.asked(), []);
});

test("the host's own addresses have its name without a question", async (t) => {
  const dns = await startDnsmasq(t, []);
  const resolver = resolverFor(t, [dns.server]);
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
  for (const address of own) assert.deepEqual(resolver.names(address), ['this-host'], address);
  await settled(resolver);
  assert.deepEqual(dns.asked(), []);
});

test('private and public addresses can have servers of their own', async (t) => {
  const record = (text: string): string[] => [
    `ptr-record=1.0.0.10.in-addr.arpa,private.${text}`,
    `ptr-record=1.113.0.203.in-addr.arpa,public.${text}`,
  ];
  const inside = await startDnsmasq(t, record('inside'));
  const outside = await startDnsmasq(t, record('outside'));
  const resolver = resolverFor(t, [`private=${inside.server}`, `public=${outside.server}`]);
  assert.deepEqual(await eventually(resolver, '10.0.0.1'), ['private.inside']);
  assert.deepEqual(await eventually(resolver, '203.0.113.1'), ['public.outside']);
  assert.deepEqual([inside.asked().length, outside.asked().length], [1, 1]);
});

test('look-ups can be switched off for public addresses, or altogether', async (t) => {
  const dns = await startDnsmasq(t, ['ptr-record=1.0.0.10.in-addr.arpa,a.example']);
  const half = resolverFor(t, [`private=${dns.server}`, 'public=off']);
  assert.deepEqual(half.names('203.0.113.1'), []);
  assert.deepEqual(await eventually(half, '10.0.0.1'), ['a.example']);
  const off = createReverseResolver({ lookups: 'off', servers: parseServers([dns.server]) });
  assert.deepEqual(off.names('10.0.0.1'), []);
  await off.close();
  assert.equal(dns.asked().length, 1);
});

test('the cache is bounded: addresses not asked for lately make room', async (t) => {
  const dns = await startDnsmasq(t, []);
  const resolver = resolverFor(t, [dns.server], { cacheMax: 10 });
  for (let i = 0; i < 30; i++) await eventually(resolver, `10.0.1.${i}`);
  assert.equal(resolver.counters()['cached'], 10);
  assert.equal(resolver.counters()['evictions'], 20);
  assert.deepEqual(resolver.names('10.0.1.29'), []);
  assert.equal(resolver.names('10.0.1.0'), undefined);
});

test('10,000 addresses at once never exceed the queue, the concurrency or the rate, and the caller never waits', async (t) => {
  const dns = await startDnsmasq(t, []);
  const resolver = resolverFor(t, [dns.server], { ratePerSecond: 100, queueMax: 50, concurrency: 5 });
  const addresses = Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  for (const address of addresses) assert.equal(resolver.names(address), undefined);
  const { queued, in_flight: inFlight, queue_drops: dropped } = resolver.counters();
  assert.deepEqual([queued, inFlight, dropped], [50, 5, 10_000 - 55]);
  await settled(resolver);
  assert.equal(dns.asked().length, 55);
  // What was dropped is asked for by the next report.
  assert.deepEqual(await eventually(resolver, addresses[9999]!), []);
});

for (const text of [
  'dns.example',
  '1.2.3',
  '10.0.0.1:0',
  '10.0.0.1:70000',
  '[10.0.0.1]:53',
  '::1:',
  'secret=10.0.0.1',
  '',
  'public=',
]) {
  test(`'${text}' is refused as a server`, () => {
    assert.throws(() => parseServers([text]), { code: 'BAD_DNS_SERVER' });
  });
}

test('servers can be named in every form', () => {
  assert.deepEqual(parseServers(['10.0.0.1', '[2001:db8::1]:5353']), {
    private: [
      { host: '10.0.0.1', port: 53 },
      { host: '2001:db8::1', port: 5353 },
    ],
    public: [
      { host: '10.0.0.1', port: 53 },
      { host: '2001:db8::1', port: 5353 },
    ],
  });
  assert.deepEqual(parseServers(['private=::1']), { private: [{ host: '::1', port: 53 }] });
  assert.deepEqual(parseServers([]), {});
});

test('limits out of range are refused', () => {
  assert.throws(() => createReverseResolver({ limits: { concurrency: 0 } }), { code: 'BAD_DNS_LIMIT' });
  assert.throws(() => createReverseResolver({ limits: { ratePerSecond: 5000 } }), { code: 'BAD_DNS_LIMIT' });
  assert.throws(() => createReverseResolver({ limits: { queueMax: NaN } }), { code: 'BAD_DNS_LIMIT' });
});
