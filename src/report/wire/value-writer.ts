/**
 * What the report's writer needs of an encoding: values one after another, pushed. One writer of the schema
 * serves MessagePack and JSON. Counts come first because MessagePack wants them; every `begin` has its `end`.
 */
import type { Latest, Timestamp } from '../model/model.js';

export interface ValueWriter {
  beginMap(entries: number): void;
  key(name: string): void;
  endMap(): void;
  beginList(elements: number): void;
  endList(): void;
  text(value: string): void;
  bytes(value: Uint8Array): void;
  time(value: Timestamp): void;
  number(value: number | bigint): void;
  boolean(value: boolean): void;
  nil(): void;
  /** `{timestamp, value}`: there are more of these than of anything else. */
  latest(value: Latest): void;
}

/** The counterpart of `readOpaque`; also takes plain objects. What is no data (a function) is written as nil. */
export function writeOpaque(writer: ValueWriter, value: unknown): void {
  if (typeof value === 'string') writer.text(value);
  else if (typeof value === 'number' || typeof value === 'bigint') writer.number(value);
  else if (typeof value === 'boolean') writer.boolean(value);
  else if (typeof value !== 'object' || value === null) writer.nil();
  else if (value instanceof Uint8Array) writer.bytes(value);
  else if (Array.isArray(value)) {
    writer.beginList(value.length);
    for (const element of value) writeOpaque(writer, element);
    writer.endList();
  } else writeEntries(writer, value instanceof Map ? [...value] : Object.entries(value));
}

function writeEntries(writer: ValueWriter, entries: readonly (readonly [unknown, unknown])[]): void {
  writer.beginMap(entries.length);
  for (const [key, value] of entries) {
    writer.key(String(key));
    writeOpaque(writer, value);
  }
  writer.endMap();
}

/** A map keyed by outside text. */
export function writeTextMap<V>(
  writer: ValueWriter,
  map: ReadonlyMap<string, V>,
  writeValue: (writer: ValueWriter, value: V) => void,
): void {
  writer.beginMap(map.size);
  for (const [key, value] of map) {
    writer.key(key);
    writeValue(writer, value);
  }
  writer.endMap();
}

export function writeTexts(writer: ValueWriter, texts: readonly string[]): void {
  writer.beginList(texts.length);
  for (const text of texts) writer.text(text);
  writer.endList();
}
