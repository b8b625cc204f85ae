/** The namespace in which a record's addresses are valid, and whether both ends are one socket. */
import { isLoopbackAddress, sameAddress } from './address.js';
import { HALF, RECORD, WORD } from './layout.js';
import type { RecordView } from './record-view.js';

/**
 * The namespace that a record's addresses belong to: its own when one is a loopback address, else 0. Other addresses
 * mean the same in every namespace, so that the two ends of a connection between namespaces of this host meet.
 */
export function scopeNetns(words: Int32Array, record: number): number {
  const at = record * RECORD.words;
  return isLoopbackAddress(words, at + WORD.remoteAddress) || isLoopbackAddress(words, at + WORD.localAddress)
    ? words[at + WORD.netns]!
    : 0;
}

/** One socket connected to its own address and port: the kernel allows it. */
export function isSelfConnect({ halves, words }: RecordView, i: number): boolean {
  const half = i * RECORD.halves;
  if (halves[half + HALF.localPort] !== halves[half + HALF.remotePort]) return false;
  return sameAddress(
    words,
    i * RECORD.words + WORD.localAddress,
    words,
    i * RECORD.words + WORD.remoteAddress,
  );
}
