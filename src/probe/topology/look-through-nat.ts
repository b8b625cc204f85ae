/**
 * Looks through NAT: records whose addresses are translated on their way get the remote end that is really there, so
 * that the two ends of a connection have one tuple, wherever they were seen.
 *
 * The opener's record (client → what it dialled) gets the server behind it, the acceptor's record (server ← the
 * translated client) gets the client behind it. Of a connection whose handshake nobody saw, the flow tells the direction.
 *
 * Networks with the same addresses can have the same tuple at the same time, which their router keeps apart by conntrack
 * zones (or each has its own router). A socket does not tell its zone. Where there are as many sockets as flows, each
 * has one of them: the connections are known then, but not which of the processes has which.
 */
import { isLoopbackAddress } from './address.js';
import type { FlowBatch } from './nat-flow.js';
import { keyOf, NatTuples, Tuple, type Side } from './nat-tuples.js';
import { Direction, DirectionEvidence, OFFSET, PidEvidence, RECORD_BYTES } from './record.js';
import { HALF, HALVES, RecordView, WORD, WORDS, type RecordBatch } from './record-view.js';

/** By direction: the sides of a flow that a socket can be on. A listener is on none. */
const SIDES: Readonly<Record<number, readonly Side[]>> = {
  [Direction.Unknown]: ['opener', 'acceptor'],
  [Direction.Connected]: ['opener'],
  [Direction.Accepted]: ['acceptor'],
};

/**
 * Changes the batch's records in place.
 * @returns the number of records whose remote end was replaced
 */
export function lookThroughNat(batch: RecordBatch, flows: FlowBatch): number {
  if (flows.flowCount === 0) return 0;
  const view = new RecordView(batch);
  const tuples = new NatTuples(flows);
  const tuple = new Tuple();
  const contradicted = new Map<string, Contradicted>();
  let replaced = 0;
  for (let i = 0; i < view.count; i++) {
    const at = i * RECORD_BYTES;
    const direction = view.bytes[at + OFFSET.direction]!;
    for (const side of SIDES[direction] ?? []) {
      readTuple(view, i, tuple);
      if (tuples.resolve(tuple, side)) {
        if (direction === Direction.Unknown) setDirection(view, i, side);
        if (writeRemote(view, i, tuple)) replaced++;
        break;
      }
      if (!tuples.isContradicted) continue;
      note(contradicted, tuples, tuple, side, i);
      break;
    }
  }
  for (const each of contradicted.values()) replaced += shareOut(view, tuples, each);
  return replaced;
}

/** Sockets with one tuple, which several flows have that lead to different ends. */
interface Contradicted {
  readonly side: Side;
  readonly flows: readonly number[];
  /** Record numbers, by the sockets' namespaces. */
  readonly records: Map<number, number>;
  /** Two in one namespace: one of them is over. */
  isUnclear: boolean;
}

function note(
  contradicted: Map<string, Contradicted>,
  tuples: NatTuples,
  tuple: Tuple,
  side: Side,
  i: number,
): void {
  const key = `${side} ${keyOf(tuple)}`;
  let known = contradicted.get(key);
  if (known === undefined) {
    known = { side, flows: tuples.contradicting(tuple, side), records: new Map(), isUnclear: false };
    contradicted.set(key, known);
  }
  if (known.records.has(tuple.netns)) known.isUnclear = true;
  known.records.set(tuple.netns, i);
}

/** Gives each socket one of the flows, and no process. Returns the number of records whose remote end was replaced. */
function shareOut(
  view: RecordView,
  tuples: NatTuples,
  { side, flows, records, isUnclear }: Contradicted,
): number {
  if (isUnclear || records.size !== flows.length) return 0;
  let given = 0;
  for (const [, i] of [...records].sort(([a], [b]) => a - b)) {
    const tuple = tuples.tupleBeyond(flows[given++]!, side);
    tuples.resolve(tuple, side);
    if (view.bytes[i * RECORD_BYTES + OFFSET.direction] === Direction.Unknown) setDirection(view, i, side);
    writeRemote(view, i, tuple);
    view.words[i * WORDS + WORD.pid] = 0;
    view.bytes[i * RECORD_BYTES + OFFSET.pidEvidence] = PidEvidence.None;
  }
  return given;
}

function readTuple({ halves, words }: RecordView, i: number, tuple: Tuple): void {
  const at = i * WORDS;
  for (let word = 0; word < 8; word++) tuple.words[word] = words[at + WORD.localAddress + word]!;
  tuple.ports[0] = halves[i * HALVES + HALF.localPort]!;
  tuple.ports[1] = halves[i * HALVES + HALF.remotePort]!;
  tuple.netns = words[at + WORD.netns]! >>> 0;
}

function setDirection({ bytes }: RecordView, i: number, side: Side): void {
  const direction = side === 'opener' ? Direction.Connected : Direction.Accepted;
  bytes[i * RECORD_BYTES + OFFSET.direction] = direction;
  bytes[i * RECORD_BYTES + OFFSET.directionEvidence] = DirectionEvidence.Conntrack;
}

/** False when the remote end is what it was. */
function writeRemote({ halves, words }: RecordView, i: number, tuple: Tuple): boolean {
  const remote = i * WORDS + WORD.remoteAddress;
  let changed = halves[i * HALVES + HALF.remotePort] !== tuple.ports[1];
  for (let word = 0; word < 4; word++) {
    if (words[remote + word] !== tuple.words[4 + word]) changed = true;
    words[remote + word] = tuple.words[4 + word]!;
  }
  halves[i * HALVES + HALF.remotePort] = tuple.ports[1]!;
  // A loopback address means something in its own namespace only: the record moves there, as far as ids go.
  if (changed && isLoopbackAddress(words, remote)) words[i * WORDS + WORD.netns] = tuple.netns;
  return changed;
}
