/**
 * Keys of flows as words in columns: addresses, the server's port, the addresses' namespace, the two processes, the dialled
 * address. A look-up touches nothing else.
 */
import { mixed, randomMultipliers } from './seeded-hash.js';
import { SlotIndex, Slots, withRoom } from './slot-index.js';

/** Words of a key: addresses are four words each. */
export const KEY = {
  client: 0,
  server: 4,
  port: 8,
  /** Inode of the addresses' namespace; 0: global addresses. */
  space: 9,
  /** Numbers of processes; 0: unknown. */
  clientProcess: 10,
  serverProcess: 11,
  /** Number of the dialled address; 0: the server's own. */
  via: 12,
} as const;
export const KEY_WORDS = 13;

const SIZE = 13;
const M = randomMultipliers(SIZE);
const [M0, M1, M2, M3, M4, M5, M6, M7, M8, M9, M10, M11, M12] = M as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export class FlowKeys {
  /** By slot. */
  words = new Int32Array(64 * SIZE);
  readonly #slots = new Slots();
  readonly #index = new SlotIndex();
  #last = -1;

  get size(): number {
    return this.#slots.used;
  }

  /** All slots below are, or were, in use. */
  get end(): number {
    return this.#slots.end;
  }

  /** The slot of the key at the beginning of `key`; -1: none. */
  find(key: Int32Array): number {
    if (this.#last >= 0 && this.#is(this.#last, key)) return this.#last;
    for (let slot = this.#index.first(hashOf(key)); slot >= 0; slot = this.#index.next(slot))
      if (this.#is(slot, key)) return (this.#last = slot);
    return -1;
  }

  /** Adds a new key. */
  add(key: Int32Array): number {
    const slot = this.#slots.take();
    this.words = withRoom(this.words, (slot + 1) * SIZE);
    for (let word = 0; word < SIZE; word++) this.words[slot * SIZE + word] = key[word]!;
    this.#index.add(hashOf(key), slot);
    return (this.#last = slot);
  }

  remove(slot: number): void {
    this.#index.remove(slot);
    this.#slots.giveBack(slot);
    this.#last = -1;
  }

  #is(slot: number, key: Int32Array): boolean {
    const words = this.words;
    const at = slot * SIZE;
    return (
      words[at + 3] === key[3] &&
      words[at + 7] === key[7] &&
      words[at + 8] === key[8] &&
      words[at + 10] === key[10] &&
      words[at + 11] === key[11] &&
      words[at + 9] === key[9] &&
      words[at + 12] === key[12] &&
      words[at] === key[0] &&
      words[at + 1] === key[1] &&
      words[at + 2] === key[2] &&
      words[at + 4] === key[4] &&
      words[at + 5] === key[5] &&
      words[at + 6] === key[6]
    );
  }
}

function hashOf(key: Int32Array): number {
  const addresses =
    Math.imul(key[0]!, M0) ^
    Math.imul(key[1]!, M1) ^
    Math.imul(key[2]!, M2) ^
    Math.imul(key[3]!, M3) ^
    Math.imul(key[4]!, M4) ^
    Math.imul(key[5]!, M5) ^
    Math.imul(key[6]!, M6) ^
    Math.imul(key[7]!, M7);
  const rest =
    Math.imul(key[8]!, M8) ^
    Math.imul(key[9]!, M9) ^
    Math.imul(key[10]!, M10) ^
    Math.imul(key[11]!, M11) ^
    Math.imul(key[12]!, M12);
  return mixed(mixed(addresses) ^ rest);
}
