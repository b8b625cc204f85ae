/** Where the two ends of a record's connection lie: the namespace that its addresses are of, and whether both are one socket. */
import { isLoopbackAddress, sameAddress } from './address.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from './record-view.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { localAddress: LOCAL_ADDRESS, netns: NETNS, remoteAddress: REMOTE_ADDRESS } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const HALVES_EACH = HALVES;
const WORDS_EACH = WORDS;

/**
 * The namespace that a record's addresses belong to: its own when one is a loopback address, else 0. Other addresses
 * mean the same in every namespace, so that the two ends of a connection between namespaces of this host meet.
 */
export function scopeNetns(words: Int32Array, record: number): number {
  const at = record * WORDS_EACH;
  return isLoopbackAddress(words, at + REMOTE_ADDRESS) || isLoopbackAddress(words, at + LOCAL_ADDRESS)
    ? words[at + NETNS]!
    : 0;
}

/** One socket connected to its own address and port: the kernel allows it. */
export function isSelfConnect({ halves, words }: RecordView, i: number): boolean {
  const half = i * HALVES_EACH;
  if (halves[half + LOCAL_PORT] !== halves[half + REMOTE_PORT]) return false;
  return sameAddress(words, i * WORDS_EACH + LOCAL_ADDRESS, words, i * WORDS_EACH + REMOTE_ADDRESS);
}
