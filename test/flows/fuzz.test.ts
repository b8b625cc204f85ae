/**
 * Mutated bodies: each is a statement or gets a `StatementError`, nothing else; and what was taken for a statement can be
 * sent on and is then the same. TOPOPROBE_FUZZ_BODIES sets how many (default 20,000), TOPOPROBE_FUZZ_SEED where to begin.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { packEnvelope, unpackEnvelope } from '../../src/flows/wire/envelope.js';
import { FIELDS } from '../../src/flows/wire/fields.js';
import { decodeStatement, encodeStatement, StatementError } from '../../src/flows/wire/index.js';
import { Dice, mutate } from '../report/mutate-body.js';
import { statement } from './arbitrary-statement.js';

const bodies = Number(process.env['TOPOPROBE_FUZZ_BODIES'] ?? '20000');
const seed = Number(process.env['TOPOPROBE_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** Growth of the heap, in bytes, that no mutant of a few kilobytes may cause. */
const HEAP_GROWTH_MAX = 256 * 1024 * 1024;
const DONORS = 64;

const donors = fc.sample(statement, { seed, numRuns: DONORS }).map((one) => encodeStatement(one));

/** What takes long is done again: most often something else had the processor. */
const SUSPICIOUS_MS = 2;
const REPEATS = 5;

function millisToRead(body: Uint8Array): number {
  let leastMs = Infinity;
  for (let repeat = 0; repeat < REPEATS && leastMs > SUSPICIOUS_MS; repeat++) {
    const startedAt = performance.now();
    try {
      decodeStatement(body);
    } catch {
      // what it is, is looked at afterwards
    }
    leastMs = Math.min(leastMs, performance.now() - startedAt);
  }
  return leastMs;
}

function fuzz(t: TestContext, count: number, mutantOf: (donor: Uint8Array, dice: Dice) => Uint8Array): void {
  const refusals = new Map<string, number>();
  let taken = 0;
  const heapBefore = process.memoryUsage().heapUsed;
  let heapPeak = 0;
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const mutant = mutantOf(donors[i % donors.length]!, new Dice(seed + i));
    slowestMs = Math.max(slowestMs, millisToRead(mutant));
    try {
      const read = decodeStatement(mutant);
      assert.deepEqual(decodeStatement(encodeStatement(read)), read);
      taken++;
    } catch (error) {
      if (!(error instanceof StatementError))
        throw new Error(`seed ${seed + i}, body ${Buffer.from(mutant).toString('base64')}`, { cause: error });
      refusals.set(error.code, (refusals.get(error.code) ?? 0) + 1);
    }
    if (i % 1000 === 0) heapPeak = Math.max(heapPeak, process.memoryUsage().heapUsed);
  }
  const grownMib = (heapPeak - heapBefore) / 2 ** 20;
  t.diagnostic(
    `seed ${seed}: ${taken} of ${count} taken, slowest ${slowestMs.toFixed(1)} ms, heap grew by ${grownMib.toFixed(0)} MiB; ` +
      Array.from(refusals, ([code, number]) => `${code} ${number}`).join(', '),
  );
  assert.ok(taken > 0 && taken < count, `${taken} of ${count} taken: mutants are too tame or too wild`);
  assert.ok(heapPeak - heapBefore < HEAP_GROWTH_MAX, `the heap grew by ${heapPeak - heapBefore} bytes`);
}

test(`${bodies} bodies with mutated bytes: a statement or a typed error`, (t) => {
  fuzz(t, bodies, (donor, dice) => mutate(donor, donors, dice));
});

const halfAsMany = Math.ceil(bodies / 2);

test(`${halfAsMany} bodies with mutated columns: a statement or a typed error`, (t) => {
  fuzz(t, halfAsMany, (donor, dice) => {
    const { head, fields } = unpackEnvelope(donor);
    const mutated = new Map(fields);
    for (let changes = 1 + dice.roll(3); changes > 0; changes--) {
      const known = [...fields.keys()];
      const field =
        dice.roll(8) === 0 || known.length === 0 ? dice.roll(FIELDS) : known[dice.roll(known.length)]!;
      const column = mutated.get(field) ?? new Uint8Array(0);
      const other = unpackEnvelope(donors[dice.roll(donors.length)]!).fields.get(field);
      if (dice.roll(8) === 0) mutated.delete(field);
      else if (other !== undefined && dice.roll(4) === 0) mutated.set(field, other);
      else if (column.length > 0) mutated.set(field, mutate(column, [column], dice));
      else mutated.set(field, Uint8Array.of(dice.roll(256)));
    }
    return packEnvelope({ head, fields: mutated });
  });
});
