/**
 * What the report's reader needs of an encoding: values one after another, pulled. One reader of the schema
 * serves MessagePack and JSON.
 *
 * `what` names the value for error messages. Every method throws `ReportError` at the first byte that is wrong.
 * An absent value (nil, null) reads as the empty one of its type, as Go's decoder has it.
 */
import type { ReportErrorCode } from './errors.js';
import type { Timestamp } from '../model/model.js';

export type ValueKind = 'nil' | 'boolean' | 'number' | 'text' | 'list' | 'map';

export interface ValueReader {
  /** The kind of the value that comes next. */
  kind(): ValueKind;
  /** Enters a map; false for nil, then there is nothing to enter. */
  enterMap(what: string): boolean;
  /** The next key of the innermost map, always valid UTF-8; undefined at its end, which leaves the map. */
  nextKey(): string | undefined;
  /** Enters a list; false for nil. */
  enterList(what: string): boolean;
  /** True when the innermost list has another element; false at its end, which leaves the list. */
  nextElement(): boolean;
  /** Text that identifies something: invalid UTF-8 is an error. */
  identifier(what: string): string;
  /** Text that says something: invalid UTF-8 (a process may be called anything) becomes U+FFFD. */
  text(what: string): string;
  /** Text, or the bytes themselves where they are a binary time or not text at all. */
  textOrBytes(): string | Uint8Array;
  time(what: string): Timestamp;
  /** Finite; whole numbers beyond 2^53 lose their low bits. */
  number(what: string): number;
  /** Exact, so a bigint beyond 2^53. */
  exactNumber(): number | bigint;
  boolean(what: string): boolean;
  /** Counts something that costs its owner more than an entry does, as that many entries. */
  charge(entries: number): void;
  /**
   * A number that stands for the next value without the times in it, so that the same value said again has the same one
   * (53 bits of a hash, not proof against who wants two to be equal); undefined where the encoding has none, or the value
   * is not sound. Reads nothing.
   */
  digest(): number | undefined;
  /** Passes over the value that `digest` was asked of last, which must be the next one still. */
  passDigested(): void;
  /** Passes over one value of any kind. */
  skip(): void;
  /** Fails when anything follows the report. */
  end(): void;
  /** The error for what was just read. */
  fail(code: ReportErrorCode, attempted: string): never;
}

/** An empty map is a byte on the wire and some 200 in memory; nobody needs many of them here. */
const OPAQUE_CONTAINER_ENTRIES = 32;

/** Any value as plain data: Map, array, text, bytes, number, bigint, boolean, null. Depth is the reader's to bound. */
export function readOpaque(reader: ValueReader): unknown {
  switch (reader.kind()) {
    case 'nil':
      reader.skip();
      return null;
    case 'boolean':
      return reader.boolean('a flag');
    case 'number':
      return reader.exactNumber();
    case 'text':
      return reader.textOrBytes();
    case 'list': {
      const list: unknown[] = [];
      reader.charge(OPAQUE_CONTAINER_ENTRIES);
      reader.enterList('a list');
      while (reader.nextElement()) list.push(readOpaque(reader));
      return list;
    }
    case 'map':
      reader.charge(OPAQUE_CONTAINER_ENTRIES);
      return readTextMap(reader, 'a map', readOpaque);
  }
}

/** A map keyed by outside text; a key that comes twice is an error. */
export function readTextMap<V>(
  reader: ValueReader,
  what: string,
  readValue: (reader: ValueReader, key: string) => V,
): Map<string, V> {
  const map = new Map<string, V>();
  if (!reader.enterMap(what)) return map;
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    const before = map.size;
    map.set(key, readValue(reader, key));
    if (map.size === before) reader.fail('DUPLICATE_KEY', `cannot read ${what}: a key came twice`);
  }
  return map;
}

/** A map with known keys. `readField` reads the value of a key it knows, or returns false: then it is passed over. */
export function readFields(reader: ValueReader, what: string, readField: (key: string) => boolean): void {
  if (!reader.enterMap(what)) return;
  const seen = new Set<string>();
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (seen.has(key)) reader.fail('DUPLICATE_KEY', `cannot read ${what}: a key came twice`);
    seen.add(key);
    if (!readField(key)) reader.skip();
  }
}
