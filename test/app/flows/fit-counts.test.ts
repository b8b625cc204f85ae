/** A matrix fitted to sums: what must hold for any sums and weights. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fitCounts } from '../../../src/app/flows/fit-counts.js';

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** A matrix of counts, and weights that may be anything where it has some. */
const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 6 }) })
  .chain(({ rows, columns }) =>
    fc.array(
      fc.array(fc.record({ count: fc.nat(400), noise: fc.double({ min: 0.1, max: 3, noNaN: true }) }), {
        minLength: columns,
        maxLength: columns,
      }),
      { minLength: rows, maxLength: rows },
    ),
  );

test('rows and columns have their sums, where the weights are of pairs that have connections', () => {
  fc.assert(
    fc.property(matrix, (cells) => {
      const rows = cells.map((row) => sumOf(row.map(({ count }) => count)));
      const columns = cells[0]!.map((_, j) => sumOf(cells.map((row) => row[j]!.count)));
      const weights = cells.map((row) => row.map(({ count, noise }) => count * noise));
      const fitted = fitCounts(rows, columns, weights);
      assert.deepEqual(fitted.map(sumOf), rows);
      assert.deepEqual(
        columns.map((_, j) => sumOf(fitted.map((row) => row[j]!))),
        columns,
      );
      for (const [i, row] of fitted.entries())
        for (const [j, count] of row.entries()) {
          assert.ok(Number.isInteger(count) && count >= 0);
          if (weights[i]![j] === 0) assert.equal(count, 0);
        }
    }),
    { numRuns: 2000 },
  );
});

test('weights that have the sums already are kept', () => {
  const weights = [
    [30, 10, 0],
    [5, 45, 50],
  ];
  assert.deepEqual(fitCounts([40, 100], [35, 55, 50], weights), weights);
});

test('rows keep their sums where no weight leads to the columns that lack', () => {
  const fitted = fitCounts(
    [10, 10],
    [15, 5],
    [
      [1, 0],
      [1, 0],
    ],
  );
  assert.deepEqual(fitted.map(sumOf), [10, 10]);
});
