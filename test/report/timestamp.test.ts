/** Instants: from the clock, as text, in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compare,
  formatTimestamp,
  fromMillis,
  GO_ZERO,
  isZero,
  now,
  parseTimestamp,
  toMillis,
} from '../../src/report/index.js';

test('milliseconds become an instant in UTC and come back', () => {
  assert.deepEqual(fromMillis(1_795_244_936_123), {
    unixSeconds: 1_795_244_936,
    nanos: 123_000_000,
    zoneMinutes: -1,
  });
  assert.deepEqual(fromMillis(-1), { unixSeconds: -1, nanos: 999_000_000, zoneMinutes: -1 });
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (millis) => {
      assert.equal(toMillis(fromMillis(millis)), millis);
      assert.equal(
        formatTimestamp(fromMillis(millis)).slice(0, 19),
        new Date(millis).toISOString().slice(0, 19),
      );
    }),
  );
});

test('now is between before and after', () => {
  const before = Date.now();
  const millis = toMillis(now());
  assert.ok(before <= millis && millis <= Date.now());
});

test('text is RFC 3339 as Go writes it', () => {
  const at = { unixSeconds: 1_795_244_936, nanos: 120_000_000, zoneMinutes: -1 };
  assert.equal(formatTimestamp(at), '2026-11-21T07:08:56.12Z');
  assert.equal(formatTimestamp({ ...at, nanos: 0, zoneMinutes: 0 }), '2026-11-21T07:08:56Z');
  assert.equal(
    formatTimestamp({ ...at, nanos: 1, zoneMinutes: -330 }),
    '2026-11-21T01:38:56.000000001-05:30',
  );
  assert.equal(formatTimestamp(GO_ZERO), '0001-01-01T00:00:00Z');
  assert.deepEqual(parseTimestamp('0001-01-01T00:00:00Z'), GO_ZERO);
  assert.deepEqual(parseTimestamp('0000-02-29T00:00:00Z')?.unixSeconds, -62_167_219_200 + 59 * 86_400);
  assert.deepEqual(parseTimestamp('2026-11-21t09:08:56.1234567899+02:00'), {
    unixSeconds: 1_795_244_936,
    nanos: 123_456_789,
    zoneMinutes: 120,
  });
});

test('every instant that can be written is read back', () => {
  const instant = fc.record({
    unixSeconds: fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
    zoneMinutes: fc.integer({ min: -1439, max: 1439 }),
  });
  fc.assert(
    fc.property(instant, (at) => {
      const read = parseTimestamp(formatTimestamp(at));
      assert.ok(read);
      assert.equal(compare(read, at), 0);
      assert.equal(formatTimestamp(read), formatTimestamp(at));
    }),
  );
});

test('text that is no time is none', () => {
  const wrong = [
    '',
    '2026-11-21',
    '2026-11-21T07:08:56',
    '2026-11-21 07:08:56Z',
    '2026-00-21T07:08:56Z',
    '2026-11-31T07:08:56Z',
    '2100-02-29T07:08:56Z',
    '2026-11-21T24:08:56Z',
    '2026-11-21T07:60:56Z',
    '2026-11-21T07:08:60Z',
    '2026-11-21T07:08:56.Z',
    '2026-11-21T07:08:56+24:00',
    '2026-11-21T07:08:56+0200',
    '0000-01-01T00:00:00+00:01',
    `2026-11-21T07:08:56.${'1'.repeat(100_000)}Z`,
  ];
  for (const text of wrong) assert.equal(parseTimestamp(text), undefined, text.slice(0, 50));
});

test('instants are ordered whatever their zones', () => {
  const at = { unixSeconds: 5, nanos: 5, zoneMinutes: 120 };
  assert.equal(compare(at, { ...at, zoneMinutes: -1 }), 0);
  assert.ok(compare(at, { ...at, nanos: 6 }) < 0);
  assert.ok(compare({ ...at, unixSeconds: 6, nanos: 0 }, at) > 0);
  assert.ok(isZero({ ...GO_ZERO, zoneMinutes: 60 }));
  assert.ok(!isZero({ ...GO_ZERO, nanos: 1 }));
});
