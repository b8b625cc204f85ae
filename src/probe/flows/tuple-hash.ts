/** A connection's tuple as a hash. */
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';
import { scopeNetns } from '../records/scope.js';
import { randomMultipliers } from './seeded-hash.js';

const { localAddress: LOCAL_ADDRESS, remoteAddress: REMOTE_ADDRESS } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const HALVES_EACH = HALVES;
const WORDS_EACH = WORDS;

const [M0, M1, M2, M3, M4] = randomMultipliers(5) as unknown as [number, number, number, number, number];

/** 32 bits, the same for both ends of a connection. */
export function tupleHash({ halves, words }: RecordView, index: number): number {
  const at = index * WORDS_EACH;
  const half = index * HALVES_EACH;
  const local = hashEnd(words, at + LOCAL_ADDRESS, halves[half + LOCAL_PORT]!);
  const remote = hashEnd(words, at + REMOTE_ADDRESS, halves[half + REMOTE_PORT]!);
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
