/**
 * Former listeners of this host: an address that is dialled in vain is reported with the process that last listened there,
 * for ten minutes after it stopped.
 */
import { listensFor } from './listens-for.js';
import { isLoopbackAddress } from '../records/address.js';
import { Direction, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';

const REMEMBER_MS = 10 * 60_000;
/** The most former listeners: the oldest are forgotten first. */
const MAX_REMEMBERED = 20_000;

export interface LastListener {
  readonly name: string;
  readonly isListening: boolean;
}

interface Listener {
  readonly netns: number;
  readonly port: number;
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
  #present = new ListenersByPort<Listener>();
  /** In the order in which they stopped. */
  readonly #former = new ListenersByPort<Former>();

  /** @param namespacesOf inodes of the namespaces that have, or had, an address; not for loopback addresses */
  constructor(private readonly namespacesOf: (address: string) => readonly number[]) {}

  /**
   * Replaces the listeners by those of a batch.
   * @param nameOf the name of a record's process; empty: unknown
   * @param nowMs by a monotonic clock
   */
  note(batch: RecordBatch, nameOf: (record: number) => string, nowMs: number): void {
    const view = new RecordView(batch);
    const { bytes, halves, words } = view;
    const before = this.#present;
    const present = new ListenersByPort<Listener>();
    for (let i = 0; i < view.count; i++) {
      if (bytes[i * RECORD.bytes + OFFSET.direction] !== Direction.Listener) continue;
      const at = i * RECORD.words + WORD.localAddress;
      const address = words.slice(at, at + 4);
      const netns = words[i * RECORD.words + WORD.netns]! >>> 0;
      const port = halves[i * RECORD.halves + HALF.localPort]!;
      const key = keyOf(netns, port, address);
      const name = nameOf(i) || before.get(key)?.name;
      if (name !== undefined) present.set(key, { netns, port, address, name });
    }
    this.#present = present;
    for (const [key, listener] of before.all()) {
      if (present.get(key) !== undefined) continue;
      this.#former.delete(key);
      this.#former.set(key, { ...listener, goneAtMs: nowMs });
    }
    for (const [key] of present.all()) this.#former.delete(key);
    for (const [key, { goneAtMs }] of this.#former.all()) {
      if (this.#former.size <= MAX_REMEMBERED && nowMs - goneAtMs < REMEMBER_MS) break;
      this.#former.delete(key);
    }
  }

  /**
   * The current or last listener for this address and port.
   * @param text the address as text
   * @param netns the client's, for loopback addresses
   */
  find(text: string, words: Int32Array, at: number, port: number, netns: number): LastListener | undefined {
    const namespaces = isLoopbackAddress(words, at) ? [netns] : this.namespacesOf(text);
    const listening = this.#present.last(namespaces, port, words, at);
    if (listening !== undefined) return { name: listening.name, isListening: true };
    const former = this.#former.last(namespaces, port, words, at);
    return former && { name: former.name, isListening: false };
  }
}

/** Listeners in the order of their addition, found by namespace and port. */
class ListenersByPort<T extends Listener> {
  readonly #all = new Map<Key, { readonly listener: T; readonly order: number }>();
  readonly #keys = new Map<number, Set<Key>>();
  #added = 0;

  get size(): number {
    return this.#all.size;
  }

  get(key: Key): T | undefined {
    return this.#all.get(key)?.listener;
  }

  *all(): Iterable<readonly [Key, T]> {
    for (const [key, { listener }] of this.#all) yield [key, listener];
  }

  /** A known listener keeps its place in the order. */
  set(key: Key, listener: T): void {
    const order = this.#all.get(key)?.order ?? this.#added++;
    this.#all.set(key, { listener, order });
    const place = placeOf(listener.netns, listener.port);
    const keys = this.#keys.get(place);
    if (keys === undefined) this.#keys.set(place, new Set([key]));
    else keys.add(key);
  }

  delete(key: Key): void {
    const listener = this.get(key);
    if (listener === undefined) return;
    this.#all.delete(key);
    const place = placeOf(listener.netns, listener.port);
    const keys = this.#keys.get(place)!;
    keys.delete(key);
    if (keys.size === 0) this.#keys.delete(place);
  }

  /** The latest listener of the namespaces that takes connections to the address and port. */
  last(namespaces: readonly number[], port: number, words: Int32Array, at: number): T | undefined {
    let last: T | undefined;
    let lastOrder = -1;
    for (const netns of namespaces)
      for (const key of this.#keys.get(placeOf(netns, port)) ?? []) {
        const { listener, order } = this.#all.get(key)!;
        if (order < lastOrder || !listensFor(listener.address, 0, words, at)) continue;
        last = listener;
        lastOrder = order;
      }
    return last;
  }
}

function placeOf(netns: number, port: number): number {
  return netns * 0x10000 + port;
}

function keyOf(netns: number, port: number, address: Int32Array): Key {
  return `${netns};${port};${address.join()}`;
}
