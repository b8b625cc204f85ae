/**
 * A hash of one MessagePack value without the times in it. A probe repeats most of what it says every few seconds, and
 * only times differ: the hash finds that out for a fraction of what reading costs.
 */

/** Go's binary time: a raw of this many bytes that begins with its version. */
const TIME_BYTES = 15;
const TIME_VERSION = 1;

/** Bytes after the head for 0xca (float32) to 0xd3 (int64). */
const NUMBER_WIDTHS = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;

export class Digester {
  readonly #bytes: Uint8Array;
  readonly #words: DataView;
  /** Two running hashes of 32 bits. */
  #a = 0;
  #b = 0;
  /** Where the value ends that was digested last. */
  end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** 53 bits; undefined for what is cut off, and for types that reports do not have. */
  digest(start: number): number | undefined {
    const bytes = this.#bytes;
    const { length } = bytes;
    this.#a = 0x811c9dc5 | 0;
    this.#b = 0x9e3779b9 | 0;
    let position = start;
    // Bytes that were passed over since the last time, to be hashed in one go.
    let from = start;
    // Values that are still to come, in whatever map or list they are.
    for (let pending = 1; pending > 0; pending--) {
      if (position >= length) return undefined;
      const head = bytes[position++]!;
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
      if (payload === TIME_BYTES && bytes[position] === TIME_VERSION) {
        this.#add(from, position);
        from = position + payload;
      }
      position += payload;
    }
    this.#add(from, position);
    this.end = position;
    return (this.#a >>> 0) * 0x200000 + (this.#b >>> 11);
  }

  /** By words where there are any. */
  #add(from: number, end: number): void {
    let a = this.#a;
    let b = this.#b;
    let i = from;
    for (; i + 4 <= end; i += 4) {
      const word = this.#words.getInt32(i, true);
      a = Math.imul(a ^ word, 0x85ebca6b);
      a ^= a >>> 13;
      b = Math.imul(b + word, 0xc2b2ae35);
      b ^= b >>> 16;
    }
    for (; i < end; i++) {
      const byte = this.#bytes[i]!;
      a = Math.imul(a ^ byte, 0x85ebca6b);
      a ^= a >>> 13;
      b = Math.imul(b + byte, 0xc2b2ae35);
      b ^= b >>> 16;
    }
    this.#a = a;
    this.#b = b;
  }
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
