/**
 * Marks the connections that an earlier batch had already. A live connection is in every batch, so that numbers of
 * connections of successive reports can't be added up unless each report says how many of its connections are new.
 */
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from './record.js';
import { RecordView, WORD, WORDS, type RecordBatch } from './record-view.js';

// The module's own constants, which alone the engine takes for such: see grouping.ts.
const { direction: DIRECTION, flags: FLAGS, state: STATE } = OFFSET;
const { socketId: SOCKET_ID } = WORD;
const { Established: ESTABLISHED, Reported: REPORTED } = Flag;
const { Listener: LISTENER } = Direction;
const { Close: CLOSE } = TcpState;
const BYTES = RECORD_BYTES;
const WORDS_EACH = WORDS;

/** Sockets remembered from one batch to the next; those beyond count as new each time. 32 MiB when full. */
export const MAX_REMEMBERED = 1 << 20;

/** Two 32-bit words per socket id in an open-addressed table; id 0 marks a free slot and is never remembered. */
export class ReportedBefore {
  #ids = new Int32Array(2);
  /** Live sockets, over all batches, that were not remembered because of the bound. */
  forgotten = 0;

  constructor(private readonly maxRemembered: number = MAX_REMEMBERED) {}

  /**
   * Sets `Flag.Reported` on the records whose socket was live in the last batch, and remembers this batch's.
   * @returns whether every record is a listener or a live socket that was marked: the same ones would be marked again
   */
  mark(batch: RecordBatch): boolean {
    const view = new RecordView(batch);
    const { bytes, words, count } = view;
    let live = 0;
    let isAllMarked = true;
    for (let i = 0; i < count; i++) {
      const at = i * WORDS_EACH + SOCKET_ID;
      if (this.#has(words[at]!, words[at + 1]!)) bytes[i * BYTES + FLAGS]! |= REPORTED;
      else if (bytes[i * BYTES + DIRECTION] !== LISTENER) isAllMarked = false;
      if (bytes[i * BYTES + STATE] === CLOSE) isAllMarked = false;
      if (isLive(view, i)) live++;
    }
    const room = Math.min(live, this.maxRemembered);
    this.forgotten += live - room;
    this.#ids = new Int32Array(2 * 2 ** Math.ceil(Math.log2(2 * room + 1)));
    for (let i = 0, left = room; i < count && left > 0; i++) {
      if (!isLive(view, i)) continue;
      const at = i * WORDS_EACH + SOCKET_ID;
      this.#add(words[at]!, words[at + 1]!);
      left--;
    }
    return isAllMarked;
  }

  #has(low: number, high: number): boolean {
    const at = this.#slot(low, high);
    return this.#ids[at] !== 0 || this.#ids[at + 1] !== 0;
  }

  #add(low: number, high: number): void {
    const at = this.#slot(low, high);
    this.#ids[at] = low;
    this.#ids[at + 1] = high;
  }

  /** Where the id is, or would be. */
  #slot(low: number, high: number): number {
    const ids = this.#ids;
    const mask = ids.length / 2 - 1;
    const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 2;
      if ((ids[at] === low && ids[at + 1] === high) || (ids[at] === 0 && ids[at + 1] === 0)) return at;
    }
  }
}

/** Whether the next batch can have this socket again; a record without an id can't be told from others. */
function isLive({ bytes, words }: RecordView, i: number): boolean {
  const at = i * BYTES;
  const id = i * WORDS_EACH + SOCKET_ID;
  return (
    bytes[at + STATE] !== CLOSE &&
    bytes[at + DIRECTION] !== LISTENER &&
    (bytes[at + FLAGS]! & ESTABLISHED) !== 0 &&
    (words[id] !== 0 || words[id + 1] !== 0)
  );
}
