/**
 * A matrix of whole numbers with given sums of rows and columns that is close to given weights: iterative proportional fitting
 * (Deming and Stephan, 1940), then rounding that keeps the sums (Cox, 1987: what is left over moves along paths of cells
 * that can give and take).
 */

const ROUNDS = 40;

/**
 * @param rows @param columns sums, whole and not negative; both have the same total
 * @param weights by row and column, not negative; 0: nothing may be there
 * @returns sums of rows are always right, those of columns as far as the weights let them be
 */
export function fitCounts(
  rows: readonly number[],
  columns: readonly number[],
  weights: readonly (readonly number[])[],
): number[][] {
  const fitted = fitProportionally(rows, columns, weights);
  const counts = fitted.map((row) => row.map((value) => Math.floor(value + 1e-9)));
  const rounding = new Rounding(rows, columns, weights, fitted, counts);
  rounding.takeExcess();
  rounding.giveOut();
  return counts;
}

function fitProportionally(
  rows: readonly number[],
  columns: readonly number[],
  weights: readonly (readonly number[])[],
): number[][] {
  const fitted = weights.map((row) => [...row]);
  for (let round = 0; round < ROUNDS; round++) {
    for (let column = 0; column < columns.length; column++) {
      const sum = fitted.reduce((all, row) => all + row[column]!, 0);
      if (sum > 0) for (const row of fitted) row[column]! *= columns[column]! / sum;
    }
    for (const [i, row] of fitted.entries()) {
      const sum = row.reduce((all, value) => all + value, 0);
      if (sum > 0) for (let column = 0; column < row.length; column++) row[column]! *= rows[i]! / sum;
    }
  }
  return fitted;
}

/** What rounding left over, given out so that the sums are right. */
class Rounding {
  readonly #rowsLeft: number[];
  readonly #columnsLeft: number[];

  constructor(
    rows: readonly number[],
    private readonly columns: readonly number[],
    private readonly weights: readonly (readonly number[])[],
    private readonly fitted: readonly (readonly number[])[],
    private readonly counts: number[][],
  ) {
    this.#rowsLeft = rows.map((sum, i) => sum - counts[i]!.reduce((all, one) => all + one, 0));
    this.#columnsLeft = columns.map((sum, j) => sum - counts.reduce((all, row) => all + row[j]!, 0));
  }

  /** Columns with more than their sum give back. */
  takeExcess(): void {
    for (let j = 0; j < this.columns.length; j++) {
      for (let i = 0; i < this.counts.length && this.#columnsLeft[j]! < 0; i++) {
        const given = Math.min(this.counts[i]![j]!, -this.#columnsLeft[j]!);
        this.#add(i, j, -given);
      }
    }
  }

  giveOut(): void {
    const cells = this.weights.flatMap((row, i) =>
      row.flatMap((weight, j) => (weight > 0 ? [[i, j] as const] : [])),
    );
    const rest = ([i, j]: readonly [number, number]): number => this.fitted[i]![j]! - this.counts[i]![j]!;
    cells.sort((a, b) => rest(b) - rest(a) || a[0] - b[0] || a[1] - b[1]);
    for (const [i, j] of cells) if (rest([i, j]) > 0) this.#fill(i, j, 1);
    for (const [i, j] of cells) this.#fill(i, j, Infinity);
    for (let i = 0; i < this.counts.length; i++) while (this.#rowsLeft[i]! > 0) this.#giveByPath(i);
  }

  #fill(i: number, j: number, most: number): void {
    const given = Math.min(most, this.#rowsLeft[i]!, this.#columnsLeft[j]!);
    if (given > 0) this.#add(i, j, given);
  }

  #add(i: number, j: number, count: number): void {
    this.counts[i]![j]! += count;
    this.#rowsLeft[i]! -= count;
    this.#columnsLeft[j]! -= count;
  }

  /** One of the row's goes to a column; if that is full, another row gives one of it up for a column that is not. */
  #giveByPath(row: number): void {
    const cameFrom = new Map<number, number>([[row, -1]]); // row → column by which it was reached
    const takenFrom = new Map<number, number>(); // column → row that would give to it
    const queue = [row];
    for (const i of queue) {
      for (let j = 0; j < this.columns.length; j++) {
        if (this.weights[i]![j]! <= 0 || takenFrom.has(j)) continue;
        takenFrom.set(j, i);
        if (this.#columnsLeft[j]! > 0) {
          this.#shift(j, takenFrom, cameFrom);
          return;
        }
        for (let other = 0; other < this.counts.length; other++) {
          const given = this.counts[other]![j]!;
          if (cameFrom.has(other) || given === 0) continue;
          cameFrom.set(other, j);
          queue.push(other);
        }
      }
    }
    // No column has room that the weights lead to: the row's own sum is right all the same.
    const likely = this.weights[row]!.reduce((best, weight, j, all) => (weight > all[best]! ? j : best), 0);
    this.#add(row, likely, this.#rowsLeft[row]!);
  }

  #shift(
    column: number,
    takenFrom: ReadonlyMap<number, number>,
    cameFrom: ReadonlyMap<number, number>,
  ): void {
    for (let j = column; ;) {
      const i = takenFrom.get(j)!;
      this.#add(i, j, 1);
      const before = cameFrom.get(i)!;
      if (before < 0) return;
      this.#add(i, before, -1);
      j = before;
    }
  }
}
