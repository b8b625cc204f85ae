/**
 * Looks through NAT: records whose addresses are translated on their way get the remote end that is really there, so
 * that the two ends of a connection have one tuple, wherever they were seen.
 *
 * The opener's record (client → what it dialled) gets the server behind it, the acceptor's record (server ← the
 * translated client) gets the client behind it. Of a connection whose handshake nobody saw, the flow tells the direction.
 */
import { isLoopbackAddress } from './address.js';
import type { FlowBatch } from './nat-flow.js';
import { NatTuples, Tuple } from './nat-tuples.js';
import { Direction, DirectionEvidence, OFFSET, RECORD_BYTES } from './record.js';
import { HALF, HALVES, RecordView, WORD, WORDS, type RecordBatch } from './record-view.js';

/**
 * Changes the batch's records in place.
 * @returns the number of records whose remote end was replaced
 */
export function lookThroughNat(batch: RecordBatch, flows: FlowBatch): number {
  if (flows.flowCount === 0) return 0;
  const view = new RecordView(batch);
  const tuples = new NatTuples(flows);
  const tuple = new Tuple();
  let replaced = 0;
  for (let i = 0; i < view.count; i++) {
    const at = i * RECORD_BYTES;
    const direction = view.bytes[at + OFFSET.direction];
    if (direction === Direction.Listener) continue;
    readTuple(view, i, tuple);
    if (direction === Direction.Unknown) {
      if (tuples.resolve(tuple, 'opener')) setDirection(view, i, Direction.Connected);
      else if (tuples.resolve(tuple, 'acceptor')) setDirection(view, i, Direction.Accepted);
      else continue;
    } else if (!tuples.resolve(tuple, direction === Direction.Connected ? 'opener' : 'acceptor')) continue;
    if (writeRemote(view, i, tuple)) replaced++;
  }
  return replaced;
}

function readTuple({ halves, words }: RecordView, i: number, tuple: Tuple): void {
  const at = i * WORDS;
  for (let word = 0; word < 8; word++) tuple.words[word] = words[at + WORD.localAddress + word]!;
  tuple.ports[0] = halves[i * HALVES + HALF.localPort]!;
  tuple.ports[1] = halves[i * HALVES + HALF.remotePort]!;
  tuple.netns = words[at + WORD.netns]! >>> 0;
}

function setDirection({ bytes }: RecordView, i: number, direction: number): void {
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
