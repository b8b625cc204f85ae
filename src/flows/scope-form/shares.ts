/** Splits a whole number into whole shares, in proportion to weights. The shares add up to it exactly. */

/** @param weights not negative; if they add up to 0, the last share is all */
export function shareOut(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum === total) return [...weights];
  let weight = 0;
  let given = 0;
  return weights.map((own, i) => {
    weight += own;
    const upTo = i === weights.length - 1 ? total : sum === 0 ? 0 : Math.floor(total * (weight / sum));
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

/** The same, but no share is below 1. @param total at least the number of weights */
export function shareOutToEach(total: number, weights: readonly number[]): number[] {
  const beyond = weights.map((weight) => Math.max(0, weight - 1));
  return shareOut(total - weights.length, beyond).map((share) => share + 1);
}
