/**
 * Sets of texts as sorted arrays without repeats: how reports carry sets, adjacency and parents. The order is that
 * of UTF-16 units.
 */

/** The union of sets. Gives back one of them when it holds all the others, so that equal sets are shared. */
export function unionOf(sets: readonly (readonly string[])[]): readonly string[] {
  let largest: readonly string[] = [];
  for (const set of sets) if (set.length > largest.length) largest = set;
  if (sets.every((set) => set === largest || isSubset(set, largest))) return largest;
  const all = new Set<string>();
  for (const set of sets) for (const text of set) all.add(text);
  return [...all].sort();
}

/** `texts` itself when it is sorted and without repeats already. */
export function sortedUnique(texts: readonly string[]): readonly string[] {
  for (let i = 1; i < texts.length; i++) {
    if (texts[i - 1]! >= texts[i]!) return [...new Set(texts)].sort();
  }
  return texts;
}

function isSubset(small: readonly string[], large: readonly string[]): boolean {
  let at = 0;
  for (const text of small) {
    while (at < large.length && large[at]! < text) at++;
    if (large[at] !== text) return false;
    at++;
  }
  return true;
}
