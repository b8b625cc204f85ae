/**
 * Addresses as records carry them: 16 bytes, IPv4 as IPv4-mapped, read as four 32-bit words at an index of a word array.
 */

/** Word 2 of an IPv4-mapped address (bytes 00 00 ff ff, little endian). */
const MAPPED_PREFIX = 0xffff0000 | 0;
/** Word 3 of ::1. */
const LAST_BYTE_ONE = 0x01000000;

/** Turns the four words at `at` into ::ffff:a.b.c.d, given as the address's last word. */
export function writeIpv4(words: Int32Array, at: number, last: number): void {
  words[at] = words[at + 1] = 0;
  words[at + 2] = MAPPED_PREFIX;
  words[at + 3] = last;
}

/** ::ffff:0:0/96 */
export function isIpv4(words: Int32Array, at: number): boolean {
  return words[at + 2] === MAPPED_PREFIX && words[at] === 0 && words[at + 1] === 0;
}

/** 127.0.0.0/8 and ::1 */
export function isLoopbackAddress(words: Int32Array, at: number): boolean {
  if (words[at] !== 0 || words[at + 1] !== 0) return false;
  const last = words[at + 3]!;
  return words[at + 2] === MAPPED_PREFIX
    ? (last & 0xff) === 127
    : words[at + 2] === 0 && last === LAST_BYTE_ONE;
}

/** 169.254.0.0/16 and fe80::/10: the same address is in use on every link. */
export function isLinkLocalAddress(words: Int32Array, at: number): boolean {
  return isIpv4(words, at) ? (words[at + 3]! & 0xffff) === 0xfea9 : (words[at]! & 0xc0ff) === 0x80fe;
}

/** :: and 0.0.0.0 */
export function isWildcardAddress(words: Int32Array, at: number): boolean {
  return (
    words[at + 3] === 0 &&
    words[at] === 0 &&
    words[at + 1] === 0 &&
    (words[at + 2] === 0 || words[at + 2] === MAPPED_PREFIX)
  );
}

export function sameAddress(a: Int32Array, atA: number, b: Int32Array, atB: number): boolean {
  return (
    a[atA + 3] === b[atB + 3] && a[atA] === b[atB] && a[atA + 1] === b[atB + 1] && a[atA + 2] === b[atB + 2]
  );
}

/** Negative, zero or positive; any total order that both ends of a connection agree on. */
export function compareAddresses(words: Int32Array, a: number, b: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = words[a + i]! - words[b + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Dotted for IPv4 and IPv4-mapped, RFC 5952 otherwise (lower case, the first longest run of zeros is `::`). */
export function addressText(words: Int32Array, at: number): string {
  const last = words[at + 3]!;
  if (isIpv4(words, at))
    return `${last & 0xff}.${(last >>> 8) & 0xff}.${(last >>> 16) & 0xff}.${last >>> 24}`;
  const groups: number[] = [];
  for (let i = 0; i < 4; i++) {
    const word = words[at + i]!;
    groups.push(((word & 0xff) << 8) | ((word >>> 8) & 0xff), ((word >>> 8) & 0xff00) | (word >>> 24));
  }
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === 0) length++;
    if (length > best[1]) best = [i, length];
    i += length;
  }
  return best;
}
