/**
 * Local connections of which both ends closed in one snapshot. Nearly all short ones have, and their ends are close
 * to each other: a small table of the ends that came last finds them in one pass. Whoever is not found costs time only.
 */
import type { Arena } from '../records/arena.js';
import { sameAddress } from '../records/address.js';
import { scopeNetns } from '../records/scope.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';
import { tupleHash } from './tuple-table.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { localAddress: LOCAL_ADDRESS, remoteAddress: REMOTE_ADDRESS } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const HALVES_EACH = HALVES;
const WORDS_EACH = WORDS;

/** Ends that wait for their other one at a time. A power of two. */
const SLOTS = 4096;

export class ClosedPairs {
  /** Record + 1; 0: none. */
  readonly #waiting: Int32Array;
  /** Per record: 1 when its other end is in the snapshot, too, and no other record's. */
  readonly isPaired: Uint8Array;

  /** @param arena the result is valid until it begins anew */
  constructor(
    private readonly view: RecordView,
    arena: Arena,
  ) {
    this.#waiting = arena.int32(SLOTS);
    this.isPaired = arena.uint8(view.count);
  }

  /** Closed ends come in the order they closed: of several uses of one tuple the last one is left over. */
  add(record: number): void {
    const slot = tupleHash(this.view, record) & (SLOTS - 1);
    const other = this.#waiting[slot]! - 1;
    if (other < 0) {
      this.#waiting[slot] = record + 1;
    } else if (isOtherEnd(this.view, record, other)) {
      this.isPaired[record] = this.isPaired[other] = 1;
      this.#waiting[slot] = 0;
    } else if (!isSameEnd(this.view, record, other)) {
      this.#waiting[slot] = record + 1;
    }
  }
}

/** Both ends have one tuple, each from its side. */
function isOtherEnd(view: RecordView, a: number, b: number): boolean {
  return hasEnds(view, a, b, REMOTE_ADDRESS, LOCAL_ADDRESS, REMOTE_PORT, LOCAL_PORT);
}

function isSameEnd(view: RecordView, a: number, b: number): boolean {
  return hasEnds(view, a, b, LOCAL_ADDRESS, REMOTE_ADDRESS, LOCAL_PORT, REMOTE_PORT);
}

/** Whether `a`'s local and remote end are what `b` has at these places. */
function hasEnds(
  { halves, words }: RecordView,
  a: number,
  b: number,
  address: number,
  otherAddress: number,
  port: number,
  otherPort: number,
): boolean {
  const [atA, atB] = [a * WORDS_EACH, b * WORDS_EACH];
  const [halfA, halfB] = [a * HALVES_EACH, b * HALVES_EACH];
  return (
    halves[halfA + LOCAL_PORT] === halves[halfB + port] &&
    halves[halfA + REMOTE_PORT] === halves[halfB + otherPort] &&
    sameAddress(words, atA + LOCAL_ADDRESS, words, atB + address) &&
    sameAddress(words, atA + REMOTE_ADDRESS, words, atB + otherAddress) &&
    scopeNetns(words, a) === scopeNetns(words, b)
  );
}
