/**
 * MessagePack the way a Go probe writes it, made from and taken apart into plain trees, independently of the codec
 * under test: text and bytes are raws of the old specification, times are raws of 15 bytes, absent containers nil.
 */

/** Objects are maps; strings are raws of their UTF-8, Buffers raws of their bytes. */
export type Tree =
  null | boolean | number | string | Buffer | readonly Tree[] | { readonly [key: string]: Tree } | Float;

/** A number that is to be written as a float64 whatever its value. */
export class Float {
  constructor(readonly value: number) {}
}

/** Go's `time.MarshalBinary`. @param zoneMinutes -1 is UTC */
export function goTime(unixSeconds: number, nanos: number, zoneMinutes: number): Buffer {
  const bytes = Buffer.alloc(15);
  bytes[0] = 1;
  bytes.writeBigInt64BE(BigInt(unixSeconds) + 62_135_596_800n, 1);
  bytes.writeInt32BE(nanos, 9);
  bytes.writeInt16BE(zoneMinutes, 13);
  return bytes;
}

export function toGoMsgpack(tree: Tree): Buffer {
  if (tree === null) return Buffer.of(0xc0);
  if (typeof tree === 'boolean') return Buffer.of(tree ? 0xc3 : 0xc2);
  if (typeof tree === 'string') return toGoMsgpack(Buffer.from(tree));
  if (typeof tree === 'number') return goInteger(tree);
  if (Buffer.isBuffer(tree)) return Buffer.concat([head(tree.length, 0xa0, 31, 0xda), tree]);
  if (tree instanceof Float) {
    const bytes = Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
    bytes.writeDoubleBE(tree.value, 1);
    return bytes;
  }
  if (Array.isArray(tree)) {
    return Buffer.concat([head(tree.length, 0x90, 15, 0xdc), ...(tree as Tree[]).map(toGoMsgpack)]);
  }
  const entries = Object.entries(tree as Readonly<Record<string, Tree>>);
  return Buffer.concat([
    head(entries.length, 0x80, 15, 0xde),
    ...entries.flatMap(([key, value]) => [toGoMsgpack(key), toGoMsgpack(value)]),
  ]);
}

function goInteger(value: number): Buffer {
  if (value >= -32 && value <= 127) return Buffer.of(value & 0xff);
  const bytes = Buffer.alloc(9);
  bytes[0] = value < 0 ? 0xd3 : 0xcf;
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

function head(count: number, fixed: number, fixedMax: number, wide: number): Buffer {
  if (count <= fixedMax) return Buffer.of(fixed | count);
  return count <= 0xffff
    ? Buffer.of(wide, count >> 8, count & 0xff)
    : Buffer.of(wide + 1, count >>> 24, (count >> 16) & 0xff, (count >> 8) & 0xff, count & 0xff);
}

/**
 * What is in MessagePack of the old specification, in one form for all encodings of the same thing: raws as their
 * hexadecimal digits, maps in order of their keys, what is empty or nil left out. Fails on str8, bin and extensions.
 */
export function fromOldMsgpack(bytes: Buffer): unknown {
  let at = 0;
  const count = (width: number): number => {
    at += width;
    return bytes.readUIntBE(at - width, width);
  };
  const list = (length: number): unknown => {
    const elements = Array.from({ length }, read);
    return elements.length > 0 ? elements : undefined;
  };
  const raw = (length: number): string => {
    at += length;
    return bytes.toString('hex', at - length, at);
  };
  const map = (length: number): unknown => {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < length; i++) {
      const key = Buffer.from(read() as string, 'hex').toString();
      const value = read();
      if (value !== undefined) entries.push([key, value]);
    }
    return entries.length > 0 ? new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))) : undefined;
  };
  const from = (width: number): number => {
    at += width;
    return at - width;
  };
  const read = (): unknown => {
    const first = count(1);
    if (first <= 0x7f) return first;
    if (first <= 0x8f) return map(first & 0x0f);
    if (first <= 0x9f) return list(first & 0x0f);
    if (first <= 0xbf) return raw(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xc0:
        return undefined;
      case 0xc2:
      case 0xc3:
        return first === 0xc3;
      case 0xcb:
        return bytes.readDoubleBE(from(8));
      case 0xcc:
        return count(1);
      case 0xcd:
        return count(2);
      case 0xce:
        return count(4);
      case 0xcf:
        return Number(bytes.readBigUInt64BE(from(8)));
      case 0xd2:
        return bytes.readInt32BE(from(4));
      case 0xd3:
        return Number(bytes.readBigInt64BE(from(8)));
      case 0xda:
        return raw(count(2));
      case 0xdb:
        return raw(count(4));
      case 0xdc:
        return list(count(2));
      case 0xdd:
        return list(count(4));
      case 0xde:
        return map(count(2));
      case 0xdf:
        return map(count(4));
      default:
        throw new Error(`0x${first.toString(16)} is not of the old specification`);
    }
  };
  const tree = read();
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes too many`);
  return tree;
}
