/** A benchmark's parameters, from the environment. */

/** @throws RangeError when what is set is no number above 0 */
export function setting(name: string, byDefault: number): number {
  const text = process.env[name];
  const value = text === undefined ? byDefault : Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new RangeError(`${name} must be a number above 0, not '${text}'`);
  return value;
}
