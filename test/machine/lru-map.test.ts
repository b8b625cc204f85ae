/** A bounded map lets go of what was used least recently, and counts it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LruMap } from '../../src/machine/lru-map.js';

const key = fc.integer({ min: 0, max: 9 });
const step = fc.oneof(
  key.map((one) => ['set', one] as const),
  key.map((one) => ['get', one] as const),
  key.map((one) => ['delete', one] as const),
);

test('whatever is read, written and deleted, it holds the entries used last, and counts the dropped', () => {
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 6 }), (steps, bound) => {
      const map = new LruMap<number, { of: number }>(bound);
      // The keys it has, the one used last at the end.
      let expected: number[] = [];
      let dropped = 0;
      for (const [act, at] of steps) {
        const wasThere = expected.includes(at);
        const others = expected.filter((one) => one !== at);
        if (act === 'get') assert.equal(map.get(at)?.of, wasThere ? at : undefined);
        if (act === 'set') map.set(at, { of: at });
        if (act === 'delete') assert.equal(map.delete(at), wasThere);
        const isKept = act === 'set' || (act === 'get' && wasThere);
        expected = isKept ? [...others, at] : others;
        if (expected.length > bound) {
          expected.shift();
          dropped++;
        }
        assert.deepEqual(
          [...map.values()].map((value) => value.of),
          expected,
        );
        assert.equal(map.size, expected.length);
        assert.equal(map.dropped, dropped);
      }
    }),
  );
});
