/** Thinning: nothing is lost in number, and two probes keep the same connections. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keepAll, KEEP_AT_MOST, thin, thinningModulus } from '../../src/probe/topology/thinning.js';

const ports = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 2000 });

interface Kept {
  readonly ports: number[];
  readonly counts: number[];
}

function keptOf(ports: Uint16Array, weights: Uint32Array, modulus: number): Kept {
  const standIn = new Int32Array(ports.length);
  thin(ports, 0, ports.length, modulus, standIn);
  const counts = new Map<number, number>();
  for (const [entry, kept] of standIn.entries()) {
    assert.equal(standIn[kept], kept, 'what is kept stands for itself');
    counts.set(ports[kept]!, (counts.get(ports[kept]!) ?? 0) + weights[entry]!);
  }
  const kept = [...counts].sort(([a], [b]) => a - b);
  return { ports: kept.map(([port]) => port), counts: kept.map(([, count]) => count) };
}

/** The rule as it is written down, step by step. */
function modulusByTheBook(values: readonly number[]): number {
  let modulus = 1;
  let count = values.length;
  while (count > 5) {
    const next = values.filter((port) => port % (modulus * 3) === 0).length;
    if (next < 3) break;
    modulus *= 3;
    count = next;
  }
  return modulus;
}

test('the modulus is the one of the rule, for every set of ports', () => {
  fc.assert(
    fc.property(ports, (values) => {
      assert.equal(thinningModulus(Uint16Array.from(values), 0, values.length), modulusByTheBook(values));
    }),
  );
});

test('counts add up to the weights, for every input', () => {
  fc.assert(
    fc.property(ports, fc.infiniteStream(fc.integer({ min: 1, max: 50 })), (values, stream) => {
      const weights = Uint32Array.from(values, () => stream.next().value as number);
      const all = Uint16Array.from(values);
      const kept = keptOf(all, weights, thinningModulus(all, 0, all.length));
      assert.equal(
        kept.counts.reduce((a, b) => a + b, 0),
        weights.reduce((a, b) => a + b, 0),
      );
      assert.ok(kept.ports.length >= 1 && kept.counts.every((count) => count >= 1));
    }),
  );
});

test('each kept port stands for itself and those skipped since the last kept one', () => {
  const all = Uint16Array.from([9, 1, 2, 3, 4, 5, 10, 11, 18]);
  const kept = keptOf(all, new Uint32Array(all.length).fill(1), 9);
  assert.deepEqual(kept.ports, [9, 18]);
  assert.deepEqual(kept.counts, [6, 3]);
});

test('the last kept one also takes those after it', () => {
  const all = Uint16Array.from([3, 4, 6, 7, 8]);
  const kept = keptOf(all, new Uint32Array(5).fill(2), 3);
  assert.deepEqual(kept.counts, [2, 8]);
});

test('up to five are all kept', () => {
  assert.equal(thinningModulus(Uint16Array.from([1, 2, 4, 5, 7]), 0, 5), 1);
});

test('a step that leaves fewer than three is taken back', () => {
  assert.equal(thinningModulus(Uint16Array.from([3, 6, 1, 2, 4, 5]), 0, 6), 1);
  assert.equal(thinningModulus(Uint16Array.from([3, 6, 9, 2, 4, 5]), 0, 6), 3);
});

test('never more than five are kept, and all of them are divisible by the modulus', () => {
  fc.assert(
    fc.property(ports, (values) => {
      const all = Uint16Array.from(values);
      const modulus = thinningModulus(all, 0, all.length);
      const kept = keptOf(all, new Uint32Array(all.length).fill(1), modulus);
      assert.ok(kept.ports.length <= KEEP_AT_MOST);
      assert.ok(kept.ports.every((port) => port % modulus === 0));
    }),
  );
});

test('the choice does not depend on the order of the ports', () => {
  fc.assert(
    fc.property(ports, fc.infiniteStream(fc.nat()), (values, stream) => {
      const shuffled = values
        .map((port) => [stream.next().value as number, port] as const)
        .sort(([a], [b]) => a - b)
        .map(([, port]) => port);
      const kept = (order: readonly number[]): Kept => {
        const all = Uint16Array.from(order);
        return keptOf(all, new Uint32Array(all.length).fill(1), thinningModulus(all, 0, all.length));
      };
      const [one, other] = [kept(values), kept(shuffled)];
      assert.deepEqual(one.ports.toSorted(), other.ports.toSorted());
    }),
  );
});

test('where every connection must stay, all are kept', () => {
  const standIn = new Int32Array(100).fill(-1);
  keepAll(0, 100, standIn);
  assert.deepEqual(
    standIn,
    Int32Array.from({ length: 100 }, (_, i) => i),
  );
});
