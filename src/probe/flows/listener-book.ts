/**
 * The current listeners: (namespace, address, port) of every known one. They give the server's end of a connection whose
 * handshake was not seen.
 */
import { listensFor } from './listens-for.js';
import { HALF, RECORD, WORD } from '../records/layout.js';
import { type RecordBatch } from '../records/record-view.js';
import type { EndTable } from './end-table.js';

export class ListenerBook {
  /** Counts the changes. */
  version = 0;
  /** netns * 2^16 + port → slots of the listening sockets. */
  readonly #byPort = new Map<number, number[]>();
  readonly #keys = new Map<number, number>();

  constructor(private readonly ends: EndTable) {}

  get size(): number {
    return this.#keys.size;
  }

  add(slot: number): void {
    const { halves, words } = this.ends.view;
    const key =
      words[slot * RECORD.words + WORD.netns]! * 0x10000 + halves[slot * RECORD.halves + HALF.localPort]!;
    const known = this.#byPort.get(key);
    if (known === undefined) this.#byPort.set(key, [slot]);
    else known.push(slot);
    this.#keys.set(slot, key);
    this.version++;
  }

  has(slot: number): boolean {
    return this.#keys.has(slot);
  }

  remove(slot: number): void {
    const key = this.#keys.get(slot);
    if (key === undefined) return;
    this.#keys.delete(slot);
    const left = this.#byPort.get(key)!.filter((other) => other !== slot);
    if (left.length > 0) this.#byPort.set(key, left);
    else this.#byPort.delete(key);
    this.version++;
  }

  /** Whether a listener takes connections to this address and port; the address must be one of the namespace. */
  listens(netns: number, words: Int32Array, address: number, port: number): boolean {
    for (const slot of this.#byPort.get(netns * 0x10000 + port) ?? [])
      if (listensFor(this.ends.view.words, slot * RECORD.words + WORD.localAddress, words, address))
        return true;
    return false;
  }

  /** Slots of the listeners at the port in the namespace. */
  at(netns: number, port: number): readonly number[] {
    return this.#byPort.get(netns * 0x10000 + port) ?? [];
  }

  /** Copies of their records. */
  records(): RecordBatch {
    const { bytes } = this.ends.view;
    const all = new Uint8Array(this.#keys.size * RECORD.bytes);
    let at = 0;
    for (const slot of this.#keys.keys()) {
      all.set(bytes.subarray(slot * RECORD.bytes, (slot + 1) * RECORD.bytes), at);
      at += RECORD.bytes;
    }
    return { records: all.buffer, recordCount: this.#keys.size };
  }
}
