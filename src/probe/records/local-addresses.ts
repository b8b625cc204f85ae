/**
 * The addresses that are in use locally, in a network namespace or on the host, as far as a batch of records shows them.
 */
import { isLoopbackAddress, sameAddress } from './address.js';
import { WORD, WORDS, type RecordView } from './record-view.js';
import { inChunks } from './chunks.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { localAddress: LOCAL, netns: NETNS } = WORD;
const WORDS_EACH = WORDS;

export class LocalAddresses {
  /**
   * Hash → indices of records whose local addresses are distinct; as many as this host has addresses in use. Made when it
   * is first needed: connections over loopback alone don't.
   */
  #byHash: Map<number, number[]> | undefined;

  /** @param within whether an address counts in its own network namespace only, or on the whole host */
  constructor(
    private readonly view: RecordView,
    private readonly within: 'namespace' | 'host',
  ) {}

  /** True for loopback addresses too: wherever they are, they are local. */
  has(netns: number, words: Int32Array, at: number): boolean {
    if (isLoopbackAddress(words, at)) return true;
    return this.#isIn((this.#byHash ??= this.#collect()), netns, words, at);
  }

  #collect(): Map<number, number[]> {
    const byHash = new Map<number, number[]>();
    inChunks(this.view.count, (from, to) => {
      this.#collectFrom(byHash, from, to);
    });
    return byHash;
  }

  #collectFrom(byHash: Map<number, number[]>, from: number, to: number): void {
    const { words } = this.view;
    let previous = Math.max(0, from - 1) * WORDS_EACH;
    for (let i = from; i < to; i++) {
      const at = i * WORDS_EACH;
      if (i > 0 && this.#isSameAddress(at, previous)) continue;
      previous = at;
      // Loopback addresses are local wherever they are.
      if (isLoopbackAddress(words, at + LOCAL) || this.#isIn(byHash, words[at + NETNS]!, words, at + LOCAL))
        continue;
      const key = hash(this.#space(words[at + NETNS]!), words, at + LOCAL);
      const bucket = byHash.get(key);
      if (bucket === undefined) byHash.set(key, [at]);
      else bucket.push(at);
    }
  }

  #isSameAddress(a: number, b: number): boolean {
    const { words } = this.view;
    return (
      sameAddress(words, a + LOCAL, words, b + LOCAL) &&
      this.#space(words[a + NETNS]!) === this.#space(words[b + NETNS]!)
    );
  }

  #isIn(
    byHash: ReadonlyMap<number, readonly number[]>,
    netns: number,
    words: Int32Array,
    at: number,
  ): boolean {
    const known = this.view.words;
    for (const record of byHash.get(hash(this.#space(netns), words, at)) ?? []) {
      if (
        this.#space(known[record + NETNS]!) === this.#space(netns) &&
        sameAddress(known, record + LOCAL, words, at)
      )
        return true;
    }
    return false;
  }

  #space(netns: number): number {
    return this.within === 'host' ? 0 : netns;
  }
}

function hash(netns: number, words: Int32Array, at: number): number {
  const mixed =
    Math.imul(words[at]!, 0x9e3779b1) ^
    Math.imul(words[at + 1]!, 0x85ebca6b) ^
    Math.imul(words[at + 2]!, 0xc2b2ae35);
  return (Math.imul(mixed ^ words[at + 3]!, 0x27d4eb2f) ^ netns) | 0;
}
