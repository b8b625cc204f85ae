/** The middle of some measurements: what a few disturbed ones don't move. */

/** The upper one of two; NaN when there are none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
