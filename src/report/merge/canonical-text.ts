/**
 * One text for one value, so that two pieces of plain data can be compared: of two that contradict each other the
 * greater text wins, on every machine and in every order.
 */

/** JSON with the keys of maps and objects in order; maps and objects are the same thing here. */
export function canonicalText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `<${Buffer.from(value).toString('hex')}>`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const entries: [string, unknown][] =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value);
  const texts = entries
    .filter(([, entry]) => entry !== undefined)
    .map(([key, entry]) => `${JSON.stringify(key)}:${canonicalText(entry)}`);
  return `{${texts.sort().join(',')}}`;
}

/** The value whose text is greatest; the first of equal ones. At least one. */
export function greatestByText<V>(values: readonly V[]): V {
  const first = values[0] as V;
  if (values.every((value) => value === first)) return first;
  return values
    .map((value) => ({ value, text: canonicalText(value) }))
    .reduce((greatest, candidate) => (candidate.text > greatest.text ? candidate : greatest)).value;
}
