/** Pushes values into JSON text. Times are RFC 3339; a key is a key, whatever it is called. */
import { formatTimestamp } from './rfc3339.js';
import type { Latest, Timestamp } from '../model/model.js';
import type { ValueWriter } from './value-writer.js';
import { BinaryTimes } from './binary-time.js';

export class JsonWriter implements ValueWriter {
  #json = '';
  /** A value was just completed: what follows in the same map or list needs a comma. */
  #isAfterValue = false;
  #time: Timestamp | undefined;
  #timeText = '';

  finish(): string {
    return this.#json;
  }

  beginMap(): void {
    this.#open('{');
  }

  key(name: string): void {
    this.#scalar(JSON.stringify(name));
    this.#json += ':';
    this.#isAfterValue = false;
  }

  endMap(): void {
    this.#close('}');
  }

  beginList(): void {
    this.#open('[');
  }

  endList(): void {
    this.#close(']');
  }

  text(value: string): void {
    this.#scalar(JSON.stringify(value));
  }

  /** Only opaque data has bytes: a time, or text that is not UTF-8. */
  bytes(value: Uint8Array): void {
    const raw = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const time = new BinaryTimes().read(raw, 0, raw.length);
    this.text(time === undefined ? raw.toString() : formatTimestamp(time));
  }

  time(value: Timestamp): void {
    if (value !== this.#time) {
      this.#time = value;
      this.#timeText = `"${formatTimestamp(value)}"`;
    }
    this.#scalar(this.#timeText);
  }

  latest(value: Latest): void {
    this.beginMap();
    this.key('timestamp');
    this.time(value.timestamp);
    this.key('value');
    this.text(value.value);
    this.endMap();
  }

  /** What JSON has no digits for becomes null. */
  number(value: number | bigint): void {
    this.#scalar(typeof value === 'bigint' || Number.isFinite(value) ? String(value) : 'null');
  }

  boolean(value: boolean): void {
    this.#scalar(value ? 'true' : 'false');
  }

  nil(): void {
    this.#scalar('null');
  }

  #open(bracket: string): void {
    this.#scalar(bracket);
    this.#isAfterValue = false;
  }

  #close(bracket: string): void {
    this.#json += bracket;
    this.#isAfterValue = true;
  }

  #scalar(text: string): void {
    this.#json += this.#isAfterValue ? `,${text}` : text;
    this.#isAfterValue = true;
  }
}
