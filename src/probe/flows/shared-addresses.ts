/**
 * Addresses that several network namespaces of this host have. Their meaning depends on the namespace, and several
 * connections can have one tuple. Namespaces that are known to talk show which ends belong together.
 */
import { sameAddress } from '../records/address.js';
import { RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import { NO_END } from './end-table.js';

/** The most pairs of talking namespaces; further pairs are unknown. */
const MAX_TALKING = 65_536;

export class SharedAddresses {
  #addresses: readonly Int32Array[] = [];
  readonly #talking = new Set<string>();

  /** There are such addresses. */
  get isAny(): boolean {
    return this.#addresses.length > 0;
  }

  /** @param addresses four words each */
  update(addresses: readonly Int32Array[]): void {
    this.#addresses = addresses;
  }

  /**
   * The namespace of a connection's addresses; 0: global addresses, or unknown. If several namespaces of this host have one
   * address, a connection with both ends here gets the server's namespace, and the two namespaces are known to talk.
   */
  spaceOf(view: RecordView, client: number, server: number): number {
    if (this.#addresses.length === 0 || client === NO_END || server === NO_END) return 0;
    const { words } = view;
    const at = client * RECORD.words;
    if (!this.#has(words, at + WORD.localAddress) && !this.#has(words, at + WORD.remoteAddress)) return 0;
    if (this.#talking.size < MAX_TALKING) this.#talking.add(pairOf(view, client, view, server));
    return words[server * RECORD.words + WORD.netns]!;
  }

  /** Whether the namespaces of two records are known to talk. */
  areTalking(a: RecordView, i: number, b: RecordView, j: number): boolean {
    return this.#talking.has(pairOf(a, i, b, j));
  }

  #has(words: Int32Array, at: number): boolean {
    return this.#addresses.some((address) => sameAddress(address, 0, words, at));
  }
}

/** The two namespaces of a connection, in either order. */
function pairOf(a: RecordView, i: number, b: RecordView, j: number): string {
  const one = a.words[i * RECORD.words + WORD.netns]! >>> 0;
  const other = b.words[j * RECORD.words + WORD.netns]! >>> 0;
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
