/** Whole numbers are shared out into whole numbers of the same sum, whatever the weights. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { share } from '../../../src/app/flows/shares.js';
import { Random } from '../../support/random.js';

test('shares are whole, not negative, add up, and are off by less than one', () => {
  const random = new Random(1);
  for (let i = 0; i < 5_000; i++) {
    const weights = Array.from({ length: 1 + random.below(8) }, () =>
      random.pick([0, 1, 2.5, random.below(1e6)]),
    );
    const total = random.pick([0, 1, 7, random.below(1e9), 2 ** 53 - 1 - random.below(1e6)]);
    const shares = share(total, weights);
    const sum = shares.reduce((all, one) => all + BigInt(one), 0n);
    assert.equal(sum, BigInt(total), `${total} by ${weights.join()}`);
    assert.ok(shares.every((one) => Number.isSafeInteger(one) && one >= 0));
    const all = weights.reduce((a, b) => a + b, 0);
    if (total < 2 ** 50 && all > 0)
      shares.forEach((one, j) => assert.ok(Math.abs(one - (total * weights[j]!) / all) < 1.001));
  }
});

test('what has no weights goes to the last', () => {
  assert.deepEqual(share(7, [0, 0, 0]), [0, 0, 7]);
});
