/**
 * A hash of one MessagePack value without the times in it. A probe repeats most of what it says every few seconds, and
 * only times differ: the hash finds that out for a fraction of what reading costs.
 */

/** Go's binary time: a raw of this many bytes that begins with its version. */
const TIME_BYTES = 15;
const TIME_VERSION = 1;

/** Bytes after the head for 0xca (float32) to 0xd3 (int64). */
const NUMBER_WIDTHS = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;

/**
 * @param reached is told where the value ends
 * @returns 53 bits; undefined for what is cut off, and for types that reports do not have
 */
export function digestOf(bytes: Uint8Array, start: number, reached: { end: number }): number | undefined {
  const { length } = bytes;
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  let position = start;
  // Values that are still to come, in whatever map or list they are.
  for (let pending = 1; pending > 0; pending--) {
    if (position >= length) return undefined;
    const head = bytes[position]!;
    const from = position++;
    let payload = 0;
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) payload = 0;
    else if (head <= 0x8f) pending += 2 * (head & 0x0f);
    else if (head <= 0x9f) pending += head & 0x0f;
    else if (head <= 0xbf) payload = head & 0x1f;
    else if (head >= 0xca && head <= 0xd3) payload = NUMBER_WIDTHS[head - 0xca]!;
    else {
      const width = widthOf(head);
      if (width === 0 || position + width > length) return undefined;
      let count = 0;
      for (const end = position + width; position < end; position++) count = count * 256 + bytes[position]!;
      if (head === 0xdc || head === 0xdd) pending += count;
      else if (head === 0xde || head === 0xdf) pending += 2 * count;
      else payload = count;
    }
    if (payload > length - position || pending > length) return undefined;
    const isTime = payload === TIME_BYTES && bytes[position] === TIME_VERSION;
    const end = isTime ? position : position + payload;
    for (let i = from; i < end; i++) {
      const byte = bytes[i]!;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul((b ^ byte) + (b >>> 15), 0x85ebca6b);
    }
    position += payload;
  }
  reached.end = position;
  return (a >>> 0) * 0x200000 + ((b ^ (b >>> 13)) >>> 11);
}

/** Bytes of the length that follows; 0 for types that are not in reports. */
function widthOf(head: number): number {
  switch (head) {
    case 0xc4:
    case 0xd9:
      return 1;
    case 0xc5:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2;
    case 0xc6:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4;
    default:
      return 0;
  }
}
