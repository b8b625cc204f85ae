/**
 * Marks the connections that an earlier batch had already. A live connection is in every batch, so that numbers of
 * connections of successive reports can't be added up unless each report says how many of its connections are new.
 */
import { Arena } from '../records/arena.js';
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { RecordView, WORD, WORDS, type RecordBatch } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

// The module's own constants, which alone the engine takes for such: see ../topology/grouping.ts.
const { direction: DIRECTION, flags: FLAGS, state: STATE } = OFFSET;
const { socketId: SOCKET_ID } = WORD;
const { Brief: BRIEF, Established: ESTABLISHED, Reported: REPORTED } = Flag;
const { Listener: LISTENER } = Direction;
const { Close: CLOSE } = TcpState;
const BYTES = RECORD_BYTES;
const WORDS_EACH = WORDS;

/** Sockets remembered from one batch to the next; those beyond count as new each time. 8 bytes per record of a batch. */
export const MAX_REMEMBERED = 1 << 20;

/** Fewer than one remembered socket per so many records. */
const FEW = 8;

/** Nothing in it outlives one call. */
const scratch = new Arena();

const ID_BYTES = 8;
/** Room for some more than there are, and how much more room than that is given back. */
const SLACK = 1.25;
const MAX_SLACK = 8;

/** Two 32-bit words per socket id; id 0 stands for none and is never remembered. */
export class SeenBefore {
  /** Ids of the last batch's live sockets, each at its record's number: most are at the same place in the next batch. */
  #last: Int32Array = new Int32Array(0);
  /** Those of the batch before: their memory is used for the next. */
  #spare: Int32Array = new Int32Array(0);
  #remembered = 0;
  /** Live sockets, over all batches, that were not remembered because of the bound. */
  forgotten = 0;

  constructor(private readonly maxRemembered: number = MAX_REMEMBERED) {}

  /**
   * Sets `Flag.Reported` on the records whose socket was live in the last batch, and remembers this batch's.
   * @returns whether every record is a listener or a live socket that was marked: the same ones would be marked again
   */
  mark(batch: RecordBatch): boolean {
    const view = new RecordView(batch);
    scratch.begin();
    const last = this.#last;
    const now = this.#idsOf(liveEnd(view));
    // Of few, all are put into a table; of many, only those that are not where they were.
    const fewKnown = this.#remembered * FEW <= view.count ? this.#lastOnes() : undefined;
    const marking = new Marking(view, last, now, fewKnown, this.maxRemembered);
    inChunks(view.count, (from, to) => {
      marking.mark(from, to);
    });
    if (fewKnown === undefined) marking.markElsewhere((records) => this.#lastAmong(view, records));
    this.#spare = last;
    this.#last = now;
    this.#remembered = this.maxRemembered - marking.room;
    this.forgotten += marking.forgotten;
    return marking.isAllMarked;
  }

  /** The batch that was marked last comes into no report: what it had first is new in the next one. */
  unmark(batch: RecordBatch): void {
    const { bytes, count } = new RecordView(batch);
    const last = this.#last;
    for (let i = 0; i < count && 2 * i < last.length; i++)
      if ((bytes[i * BYTES + FLAGS]! & REPORTED) === 0) last[2 * i] = last[2 * i + 1] = 0;
  }

  /** All 0, one for each of the first records of a batch. */
  #idsOf(records: number): Int32Array {
    const room = this.#spare.buffer.byteLength / ID_BYTES;
    if (room >= records && room <= MAX_SLACK * records)
      return new Int32Array(this.#spare.buffer, 0, 2 * records).fill(0);
    return new Int32Array(new ArrayBuffer(Math.ceil(records * SLACK) * ID_BYTES), 0, 2 * records);
  }

  /** All of the last batch's. */
  #lastOnes(): IdSet {
    const last = this.#last;
    const known = new IdSet(this.#remembered);
    for (let at = 0; at < last.length; at += 2) known.add(last[at]!, last[at + 1]!);
    return known;
  }

  /** The last batch's that are among these records'. */
  #lastAmong({ words }: RecordView, records: Int32Array): IdSet {
    const last = this.#last;
    const wanted = new IdSet(records.length);
    const known = new IdSet(Math.min(this.#remembered, records.length));
    if (records.length === 0) return known;
    for (const i of records) {
      const at = i * WORDS_EACH + SOCKET_ID;
      wanted.add(words[at]!, words[at + 1]!);
    }
    for (let at = 0; at < last.length; at += 2)
      if (wanted.has(last[at]!, last[at + 1]!)) known.add(last[at]!, last[at + 1]!);
    return known;
  }
}

/** One batch. */
class Marking {
  /** Whether every record so far is a listener or was marked, and lives. */
  isAllMarked = true;
  forgotten = 0;
  /** Records that are not where they were. */
  readonly #elsewhere: Int32Array;
  #elsewhereCount = 0;

  constructor(
    private readonly view: RecordView,
    private readonly last: Int32Array,
    private readonly now: Int32Array,
    private readonly known: IdSet | undefined,
    /** For so many more ids. */
    public room: number,
  ) {
    this.#elsewhere = scratch.int32(known === undefined ? view.count : 0, 'unset');
  }

  /** Records `from` to `to` - 1. */
  mark(from: number, to: number): void {
    const { view, last, now, known } = this;
    const { bytes, words } = view;
    for (let i = from; i < to; i++) {
      if ((bytes[i * BYTES + FLAGS]! & BRIEF) !== 0) {
        this.isAllMarked = false;
        continue;
      }
      const at = i * WORDS_EACH + SOCKET_ID;
      const low = words[at]!;
      const high = words[at + 1]!;
      if (2 * i < last.length && last[2 * i] === low && last[2 * i + 1] === high && (low !== 0 || high !== 0))
        bytes[i * BYTES + FLAGS]! |= REPORTED;
      else if (known === undefined) this.#elsewhere[this.#elsewhereCount++] = i;
      else this.#markIf(known.has(low, high), i);
      if (bytes[i * BYTES + STATE] === CLOSE) {
        this.isAllMarked = false;
      } else if (isLive(view, i)) {
        if (this.room > 0) {
          this.room--;
          now[2 * i] = low;
          now[2 * i + 1] = high;
        } else {
          this.forgotten++;
        }
      }
    }
  }

  /** @param lastAmong the last batch's ids among those of some records */
  markElsewhere(lastAmong: (records: Int32Array) => IdSet): void {
    const { words } = this.view;
    const moved = this.#elsewhere.subarray(0, this.#elsewhereCount);
    const known = lastAmong(moved);
    for (const i of moved) {
      const at = i * WORDS_EACH + SOCKET_ID;
      this.#markIf(known.has(words[at]!, words[at + 1]!), i);
    }
  }

  #markIf(isKnown: boolean, i: number): void {
    const { bytes } = this.view;
    if (isKnown) bytes[i * BYTES + FLAGS]! |= REPORTED;
    else if (bytes[i * BYTES + DIRECTION] !== LISTENER) this.isAllMarked = false;
  }
}

/** Sets `Flag.Reported` on all records of connections. */
export function markReported(batch: RecordBatch): void {
  const { bytes, count } = new RecordView(batch);
  inChunks(count, (from, to) => {
    for (let i = from; i < to; i++)
      if (bytes[i * BYTES + DIRECTION] !== LISTENER) bytes[i * BYTES + FLAGS]! |= REPORTED;
  });
}

/** Socket ids in an open-addressed table of pairs of words; id 0 marks a free slot and is never in it. */
class IdSet {
  readonly #ids: Int32Array;

  /** @param size ids that can be added */
  constructor(size: number) {
    this.#ids = scratch.int32(2 * 2 ** Math.ceil(Math.log2(2 * size + 1)));
  }

  add(low: number, high: number): void {
    const at = this.#slot(low, high);
    this.#ids[at] = low;
    this.#ids[at + 1] = high;
  }

  has(low: number, high: number): boolean {
    const at = this.#slot(low, high);
    return this.#ids[at] !== 0 || this.#ids[at + 1] !== 0;
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

/** Behind the last live socket: closed ones come last. */
function liveEnd(view: RecordView): number {
  let end = view.count;
  while (end > 0 && !isLive(view, end - 1)) end--;
  return end;
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
