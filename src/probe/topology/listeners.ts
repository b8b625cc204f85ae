/**
 * The listener table: which (namespace, address, port) are listened on. It tells the server's end of a connection
 * whose handshake nobody saw.
 */
import { isIpv4, isWildcardAddress, sameAddress } from '../records/address.js';
import { Direction, OFFSET, RECORD_BYTES } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

// The module's own constants, which alone the engine takes for such: see grouping.ts.
const BYTES = RECORD_BYTES;
const { direction: DIRECTION } = OFFSET;
const { Listener: LISTENER } = Direction;

export class ListenerTable {
  /** netns * 2^16 + port → where the listening addresses are in the words. One entry per listening socket. */
  readonly #addresses = new Map<number, number[]>();
  readonly #words: Int32Array;

  constructor(view: RecordView) {
    this.#words = view.words;
    inChunks(view.count, (from, to) => {
      this.#take(view, from, to);
    });
  }

  #take({ bytes, halves, words }: RecordView, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (bytes[i * BYTES + DIRECTION] !== LISTENER) continue;
      const key = words[i * WORDS + WORD.netns]! * 0x10000 + halves[i * HALVES + HALF.localPort]!;
      const at = i * WORDS + WORD.localAddress;
      const known = this.#addresses.get(key);
      if (known === undefined) this.#addresses.set(key, [at]);
      else if (!known.some((other) => sameAddress(words, other, words, at))) known.push(at);
    }
  }

  /**
   * Whether a socket listens where this address and port lead. The address must be one of the namespace itself:
   * a wildcard listener matches every address.
   */
  has(netns: number, words: Int32Array, address: number, port: number): boolean {
    for (const at of this.#addresses.get(netns * 0x10000 + port) ?? []) {
      if (listensFor(this.#words, at, words, address)) return true;
    }
    return false;
  }
}

/** Whether a socket that listens on one address, given by its place in the words, takes connections to the other. */
export function listensFor(
  listening: Int32Array,
  listeningAt: number,
  words: Int32Array,
  address: number,
): boolean {
  if (sameAddress(listening, listeningAt, words, address)) return true;
  if (!isWildcardAddress(listening, listeningAt)) return false;
  // `::` also takes IPv4 (unless IPV6_V6ONLY, which no source tells); 0.0.0.0 takes IPv4 only.
  return !isIpv4(listening, listeningAt) || isIpv4(words, address);
}
