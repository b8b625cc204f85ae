/** A connection's tuple as a hash. */
import { HALF, RECORD, WORD } from '../records/layout.js';
import { type RecordView } from '../records/record-view.js';
import { scopeNetns } from '../records/scope.js';
import { randomMultipliers } from './seeded-hash.js';

const [M0, M1, M2, M3, M4] = randomMultipliers(5) as unknown as [number, number, number, number, number];

/** 32 bits, the same for both ends of a connection. */
export function tupleHash({ halves, words }: RecordView, index: number): number {
  const at = index * RECORD.words;
  const half = index * RECORD.halves;
  const local = hashEnd(words, at + WORD.localAddress, halves[half + HALF.localPort]!);
  const remote = hashEnd(words, at + WORD.remoteAddress, halves[half + HALF.remotePort]!);
  const sum = (((local + remote) | 0) + scopeNetns(words, index)) | 0;
  const mixed = Math.imul(sum ^ (sum >>> 16), M4);
  return mixed ^ (mixed >>> 15);
}

function hashEnd(words: Int32Array, at: number, port: number): number {
  const hash =
    Math.imul(words[at]!, M0) ^
    Math.imul(words[at + 1]!, M1) ^
    Math.imul(words[at + 2]!, M2) ^
    Math.imul(words[at + 3]! ^ (port << 8), M3);
  const mixed = Math.imul(hash ^ (hash >>> 15) ^ port, M4);
  return (mixed ^ (mixed >>> 13)) | 0;
}
