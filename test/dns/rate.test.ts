/** Permissions to send never come faster than the rate, however time passes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pacer } from '../../src/probe/dns/pacer.js';

test('in no second there are more turns than the rate, also after the program stood still', async () => {
  const delays = fc.array(fc.integer({ min: -2, max: 1500 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), delays, async (rate, lateness) => {
      let now = 0;
      let sleeps = 0;
      // Timers fire early by a little, or late by a lot.
      const pacer = new Pacer(rate, {
        now: () => now,
        sleep: (ms) => {
          now += Math.max(0.5, ms + lateness[sleeps++ % lateness.length]!);
          return Promise.resolve();
        },
      });
      const turns: number[] = [];
      const { signal } = new AbortController();
      await Promise.all(
        Array.from({ length: 60 }, async () => {
          await pacer.turn(signal);
          turns.push(now);
        }),
      );
      for (let i = 1; i < turns.length; i++) {
        assert.ok(turns[i]! - turns[i - 1]! >= 1000 / rate - 1e-6, `${turns[i - 1]!} ${turns[i]!}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('a turn that is given up does not hold up the others', async () => {
  const pacer = new Pacer(1000);
  const impatient = new AbortController();
  impatient.abort();
  const given = pacer.turn(impatient.signal);
  const next = pacer.turn(new AbortController().signal);
  await assert.rejects(given, { name: 'AbortError' });
  await next;
});
