/** The same message again and again does not flood a log, and none is held back without being counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RepeatLimit } from '../../src/probe/self/index.js';

test('of each message at most the burst is let through per period, and the rest is told of later', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(40)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (messages, burst) => {
      let now = 0;
      const limit = new RepeatLimit({ burst, periodMs: 100, maxMessages: 10 }, () => now);
      const seen = new Map<string, { at: number[]; toldOf: number; all: number }>();
      for (const [message, wait] of messages) {
        now += wait;
        const known = seen.get(message) ?? { at: [], toldOf: 0, all: 0 };
        seen.set(message, known);
        known.all++;
        const heldBack = limit.admit(message);
        if (heldBack === undefined) continue;
        known.at.push(now);
        known.toldOf += heldBack;
        // Two periods can meet within any stretch as long as one.
        assert.ok(known.at.filter((at) => at > now - 100).length <= 2 * burst);
      }
      let untold = 0;
      for (const { at, toldOf, all } of seen.values()) {
        assert.ok(at.length + toldOf <= all);
        untold += all - at.length;
      }
      assert.equal(limit.suppressed, untold);
    }),
  );
});

test('more messages than the bound make room: the one heard of least recently', () => {
  const limit = new RepeatLimit({ burst: 1, periodMs: 1000, maxMessages: 2 }, () => 0);
  assert.equal(limit.admit('a'), 0);
  assert.equal(limit.admit('b'), 0);
  assert.equal(limit.admit('a'), undefined);
  assert.equal(limit.admit('c'), 0);
  assert.equal(limit.admit('a'), undefined);
  assert.equal(limit.admit('b'), 0);
});
