/**
 * Netlink attributes (type-length-value, aligned to 4 bytes) as an index over a buffer: nothing is copied.
 * Attribute headers are in the machine's byte order, which is little endian wherever this runs; what netfilter puts
 * into them is in network order.
 */

const HEADER_BYTES = 4;
/** The two upper bits of a type are flags (nested, network order). */
const TYPE_MASK = 0x3fff;

export class Attributes {
  readonly #at: Int32Array;
  readonly #length: Int32Array;

  /** @param highest attribute types above it are passed over */
  constructor(
    private readonly highest: number,
    private readonly view: DataView,
  ) {
    this.#at = new Int32Array(highest + 1);
    this.#length = new Int32Array(highest + 1);
  }

  /** Indexes the attributes between two offsets. False when their lengths contradict each other. */
  read(from: number, to: number): boolean {
    this.#length.fill(-1);
    let at = from;
    while (at + HEADER_BYTES <= to) {
      const length = this.view.getUint16(at, true);
      const type = this.view.getUint16(at + 2, true) & TYPE_MASK;
      if (length < HEADER_BYTES || at + length > to) return false;
      if (type <= this.highest) {
        this.#at[type] = at + HEADER_BYTES;
        this.#length[type] = length - HEADER_BYTES;
      }
      at += (length + 3) & ~3;
    }
    return true;
  }

  /** Indexes what is nested in an attribute of `outer`. False when it is absent or broken. */
  readNested(outer: Attributes, type: number): boolean {
    const length = outer.#length[type]!;
    const at = outer.#at[type]!;
    return length >= 0 && this.read(at, at + length);
  }

  has(type: number): boolean {
    return this.#length[type]! >= 0;
  }

  /** Offset of a value of just this many bytes; -1 when there is none. */
  offsetOf(type: number, bytes: number): number {
    return this.#length[type] === bytes ? this.#at[type]! : -1;
  }

  /** Big-endian numbers; 0 when absent or of another length. u64 is exact below 2^53. */
  u8(type: number): number {
    const at = this.offsetOf(type, 1);
    return at < 0 ? 0 : this.view.getUint8(at);
  }

  u16(type: number): number {
    const at = this.offsetOf(type, 2);
    return at < 0 ? 0 : this.view.getUint16(at);
  }

  u32(type: number): number {
    const at = this.offsetOf(type, 4);
    return at < 0 ? 0 : this.view.getUint32(at);
  }

  u64(type: number): number {
    const at = this.offsetOf(type, 8);
    return at < 0 ? 0 : this.view.getUint32(at) * 2 ** 32 + this.view.getUint32(at + 4);
  }
}
