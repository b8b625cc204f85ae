/**
 * Whatever happens to connections and statements, the store's counts are the truth. TOPOPROBE_FLOW_CASES says how many
 * sequences are tried.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowModel } from '../../support/flow-model.js';
import { Random } from '../../support/random.js';

const CASES = Number(process.env['TOPOPROBE_FLOW_CASES'] ?? 1_500);
const FIRST_SEED = Number(process.env['TOPOPROBE_FLOW_SEED'] ?? 1);
const STEPS = 120;

function sorted(sums: ReadonlyMap<string, number>): [string, number][] {
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Without the processes, and by what was dialled: what is behind it may be known to one epoch only. */
function byPlace(sums: ReadonlyMap<string, number>): Map<string, number> {
  const places = new Map<string, number>();
  for (const [key, count] of sums) {
    const [host, side, client, server, via] = key.split(' ');
    const place = [host, side, client, via === '' ? server : via].join(' ');
    places.set(place, (places.get(place) ?? 0) + count);
  }
  return places;
}

/** What happened between two epochs of a probe nobody saw: nothing is double, and nothing that was stated is lost. */
function assertNothingDouble(model: FlowModel, steps: string): void {
  const actual = byPlace(model.actual());
  const all = byPlace(model.expected());
  for (const [place, count] of actual)
    assert.ok(count <= (all.get(place) ?? 0), `${place}: ${count} of ${all.get(place) ?? 0}; ${steps}`);
  for (let age = 0; age < model.epochs; age++) {
    for (const [place, count] of byPlace(model.expected(age)))
      assert.ok(
        (actual.get(place) ?? 0) >= count,
        `${place}: ${actual.get(place) ?? 0} of ${count}; ${steps}`,
      );
  }
}

test(`${CASES} sequences of opens, closes, moves, statements and restarts: all counts are the truth`, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
    const model = new FlowModel(new Random(seed));
    const steps: string[] = [];
    for (let i = 0; i < STEPS; i++) {
      steps.push(model.step());
      const happened = `seed ${seed}, after ${steps.join('; ')}`;
      if (model.epochs > 1) assertNothingDouble(model, happened);
      else assert.deepEqual(sorted(model.actual()), sorted(model.expected()), happened);
    }
  }
});

test(`${CASES} sequences: who looks seldom is given what who looks always is`, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
    const [always, seldom] = [new FlowModel(new Random(seed)), new FlowModel(new Random(seed))];
    const looks = new Random(seed);
    const steps: string[] = [];
    for (let i = 0; i < STEPS; i++) {
      steps.push(always.step());
      seldom.step();
      const seen = sorted(always.actual());
      if (looks.chance(0.1))
        assert.deepEqual(sorted(seldom.actual()), seen, `seed ${seed}, after ${steps.join('; ')}`);
    }
  }
});
