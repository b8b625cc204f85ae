/**
 * Short ASCII texts by their bytes, so that a text that was read a moment ago is the same string again: no
 * allocation, and one copy in memory of the keys and names that reports repeat.
 *
 * Direct-mapped: a text displaces the one before it in its slot. Bound: SLOTS texts of at most CACHED_BYTES_MAX
 * bytes, about 1 MB.
 */

const SLOTS = 8192;

/** Longer texts are seldom repeated, and comparing them costs what decoding costs. */
export const CACHED_BYTES_MAX = 48;

const slots = new Array<string | undefined>(SLOTS).fill(undefined);

/** The text in `bytes` from `start` to `end`, at most CACHED_BYTES_MAX long; undefined when it is not ASCII. */
export function cachedAscii(bytes: Buffer, start: number, end: number): string | undefined {
  let hash = end - start;
  let high = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    high |= byte;
    hash = Math.imul(hash, 31) + byte;
  }
  if (high > 127) return undefined;
  const slot = (hash ^ (hash >>> 13)) & (SLOTS - 1);
  const known = slots[slot];
  if (known !== undefined && isSame(known, bytes, start, end)) return known;
  return (slots[slot] = bytes.toString('latin1', start, end));
}

function isSame(known: string, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
