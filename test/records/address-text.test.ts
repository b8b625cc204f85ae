/** Addresses are written the one canonical way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { addressText, isLinkLocalAddress, isLoopbackAddress } from '../../src/probe/records/address.js';

function words(text: string): Int32Array {
  const parsed = ipaddr.parse(text);
  const ipv6 = parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed;
  return new Int32Array(Uint8Array.from(ipv6.toByteArray()).buffer);
}

for (const [input, expected] of [
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:db8::', '2001:db8::'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['fe80::1', 'fe80::1'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
] as const) {
  test(`${input} is written ${expected}`, () => {
    assert.equal(addressText(words(input), 0), expected);
  });
}

test('every address reads back as itself', () => {
  const group = fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  );
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const address = new ipaddr.IPv6(groups);
      const at = new Int32Array(Uint8Array.from(address.toByteArray()).buffer);
      const text = addressText(at, 0);
      assert.equal(ipaddr.process(text).toString(), ipaddr.process(address.toString()).toString());
      assert.equal(text, text.toLowerCase());
    }),
  );
});

test('loopback is 127.0.0.0/8 and ::1', () => {
  for (const address of ['127.0.0.1', '127.255.0.9', '::1'])
    assert.ok(isLoopbackAddress(words(address), 0), address);
  for (const address of ['128.0.0.1', '::2', '::', '0.0.0.0', '10.0.0.127', '::7f00:1']) {
    assert.ok(!isLoopbackAddress(words(address), 0), address);
  }
});

test('link-local is 169.254.0.0/16 and fe80::/10', () => {
  for (const address of ['169.254.1.1', 'fe80::1', 'febf::1'])
    assert.ok(isLinkLocalAddress(words(address), 0), address);
  for (const address of ['169.253.1.1', 'fec0::1', 'fe00::1', '10.169.254.1']) {
    assert.ok(!isLinkLocalAddress(words(address), 0), address);
  }
});
