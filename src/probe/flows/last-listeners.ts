/**
 * Who listened where on this host: an address that is dialled in vain is told with the process that listened there last,
 * for ten minutes after it stopped.
 */
import { listensFor } from './listens-for.js';
import { isLoopbackAddress } from '../records/address.js';
import { Direction, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';

const REMEMBER_MS = 10 * 60_000;
/** Listeners that have gone: the first to go are forgotten first. */
const MAX_REMEMBERED = 20_000;

export interface LastListener {
  readonly name: string;
  readonly isListening: boolean;
}

interface Listener {
  /** Four words. */
  readonly address: Int32Array;
  readonly name: string;
}

interface Former extends Listener {
  readonly goneAtMs: number;
}

/** By namespace, port and address. */
type Key = string;

export class LastListeners {
  #present = new Map<Key, Listener>();
  /** In the order in which they went. */
  readonly #former = new Map<Key, Former>();

  /** @param namespacesOf inodes of the namespaces that have, or had, an address that is not a loopback one */
  constructor(private readonly namespacesOf: (address: string) => readonly number[]) {}

  /**
   * Takes over who listens in a batch.
   * @param nameOf the name of a record's process; empty when nobody knows
   * @param nowMs of a clock that never goes back
   */
  note(batch: RecordBatch, nameOf: (record: number) => string, nowMs: number): void {
    const view = new RecordView(batch);
    const { bytes, halves, words } = view;
    const before = this.#present;
    const present = new Map<Key, Listener>();
    for (let i = 0; i < view.count; i++) {
      if (bytes[i * RECORD.bytes + OFFSET.direction] !== Direction.Listener) continue;
      const at = i * RECORD.words + WORD.localAddress;
      const address = words.slice(at, at + 4);
      const key = keyOf(
        words[i * RECORD.words + WORD.netns]! >>> 0,
        halves[i * RECORD.halves + HALF.localPort]!,
        address,
      );
      const name = nameOf(i) || before.get(key)?.name;
      if (name !== undefined) present.set(key, { address, name });
    }
    this.#present = present;
    for (const [key, listener] of before) {
      if (present.has(key)) continue;
      this.#former.delete(key);
      this.#former.set(key, { ...listener, goneAtMs: nowMs });
    }
    for (const key of present.keys()) this.#former.delete(key);
    for (const [key, { goneAtMs }] of this.#former) {
      if (this.#former.size <= MAX_REMEMBERED && nowMs - goneAtMs < REMEMBER_MS) break;
      this.#former.delete(key);
    }
  }

  /**
   * Who listens, or listened last, where this address and port lead.
   * @param text the address as text
   * @param netns of who dials, for loopback addresses
   */
  find(text: string, words: Int32Array, at: number, port: number, netns: number): LastListener | undefined {
    const namespaces = isLoopbackAddress(words, at) ? [netns] : this.namespacesOf(text);
    for (const known of [this.#present, this.#former]) {
      let last: LastListener | undefined;
      for (const [key, { address, name }] of namespaces.length > 0 ? known : []) {
        const isThere = namespaces.some((inode) => key.startsWith(`${inode};${port};`));
        if (isThere && listensFor(address, 0, words, at))
          last = { name, isListening: known === this.#present };
      }
      if (last !== undefined) return last;
    }
    return undefined;
  }
}

function keyOf(netns: number, port: number, address: Int32Array): Key {
  return `${netns};${port};${address.join()}`;
}
