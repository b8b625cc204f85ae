/**
 * Resolves NAT: records with translated addresses get the real remote end, so that the two ends of a connection have one
 * tuple, wherever they were seen.
 *
 * The originator's record (client → what it dialled) gets the server behind it, the responder's record (server ← the
 * translated client) gets the client behind it. If the handshake was not seen, the flow gives the direction.
 *
 * Networks with the same addresses can have the same tuple at the same time, which their router keeps apart by conntrack
 * zones (or each has its own router). A socket does not have its zone. If there are as many sockets as flows, each
 * has one of them: the connections are known then, but not which process has which.
 *
 * What was found for a socket stays while that socket lives, whatever becomes of the flows (translations.ts).
 */
import { addressPort } from '../../report/model/address-port.js';
import { addressText, isLoopbackAddress, sameAddress } from '../records/address.js';
import type { FlowBatch } from '../records/nat-flow.js';
import { keyOf, FlowIndex, Tuple, type Side } from './flow-index.js';
import {
  Direction,
  DirectionEvidence,
  Flag,
  HALF,
  OFFSET,
  PidEvidence,
  RECORD,
  WORD,
} from '../records/layout.js';
import { TcpState } from '../records/tcp-state.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';
import type { Snapshot } from '../records/source.js';
import { leadsAsFar, socketKey, Translations, type Translation } from './translations.js';

/** By direction: the sides of a flow that a socket can be on. A listener is on none. */
const SIDES: Readonly<Record<number, readonly Side[]>> = {
  [Direction.Unknown]: ['originator', 'responder'],
  [Direction.Connected]: ['originator'],
  [Direction.Accepted]: ['responder'],
};

export interface ResolvedNat {
  /** Records whose remote end was replaced. */
  readonly replaced: number;
  /** By record of a client's end: what was dialled (`address:port`), where that is not the server's own. */
  readonly dialled: ReadonlyMap<number, string>;
  /** It is unknown which of several flows some sockets have: a pass over all sockets may decide. */
  readonly isUnclear: boolean;
}

/** Records of all live sockets, or of those that have changed; see `Snapshot`. */
export type NatBatch = RecordBatch & Pick<Snapshot, 'isWhole' | 'gone'>;

const NOTHING: ResolvedNat = { replaced: 0, dialled: new Map(), isUnclear: false };

/**
 * Changes the batch's records in place.
 * @param translations what was looked through for the sockets before; without it each pass is the first
 */
export function resolveNat(
  batch: NatBatch,
  flows: FlowBatch,
  translations: Translations = new Translations(),
): ResolvedNat {
  translations.begin();
  if (flows.flowCount === 0 && translations.size === 0) return NOTHING;
  const pass = new Pass(new RecordView(batch), FlowIndex.of(flows), translations);
  pass.run();
  if (batch.isWhole) translations.forgetUnmet();
  for (let at = 0; batch.gone !== undefined && at < batch.gone.length; at += 2)
    translations.forget(socketKey(batch.gone[at]!, batch.gone[at + 1]!));
  const { replaced, dialled, isUnclear } = pass;
  return { replaced, dialled, isUnclear };
}

/** One look at all records. */
class Pass {
  replaced = 0;
  isUnclear = false;
  readonly dialled = new Map<number, string>();
  readonly #tuple = new Tuple();
  readonly #dialled = new Tuple();
  readonly #contradicted = new Map<string, Contradicted>();

  constructor(
    private readonly view: RecordView,
    private readonly tuples: FlowIndex,
    private readonly translations: Translations,
  ) {}

  run(): void {
    const { bytes, count } = this.view;
    for (let i = 0; i < count; i++) {
      const sides = SIDES[bytes[i * RECORD.bytes + OFFSET.direction]!];
      if (sides === undefined) continue;
      readTuple(this.view, i, this.#dialled);
      this.#lookThrough(i, sides);
    }
    for (const each of this.#contradicted.values()) this.#shareOut(each);
    this.#forgetClosed();
  }

  #forgetClosed(): void {
    if (this.translations.size === 0) return;
    const { bytes, count } = this.view;
    for (let i = 0; i < count; i++) {
      if (bytes[i * RECORD.bytes + OFFSET.state] !== TcpState.Close) continue;
      if ((bytes[i * RECORD.bytes + OFFSET.flags]! & Flag.Brief) === 0)
        this.translations.forget(socketOf(this.view, i));
    }
  }

  #lookThrough(i: number, sides: readonly Side[]): void {
    const { tuples, translations } = this;
    const [dialled, tuple] = [this.#dialled, this.#tuple];
    const known = translations.size > 0 ? translations.of(socketOf(this.view, i), dialled) : undefined;
    for (const side of sides) {
      tuple.copyFrom(dialled);
      if (tuples.resolve(tuple, side)) {
        if (known !== undefined && !leadsAsFar(tuples.path, known)) break;
        if (known !== undefined && isStill(known, tuple)) this.#writeEnd(i, tuple, side);
        else this.#write(i, tuple, side, tuples.followed());
        return;
      }
      if (!tuples.isContradicted) continue;
      this.#note(side, i, known);
      return;
    }
    if (known !== undefined) this.#writeKnown(i, known);
  }

  /** @param flows those that led there */
  #write(i: number, tuple: Tuple, side: Side, flows: Uint8Array, isShared = false): void {
    const isWritten = this.#writeEnd(i, tuple, side);
    const state = this.view.bytes[i * RECORD.bytes + OFFSET.state];
    // A connect that waits is looked through while its flow is there, which is as long: its end may have no record.
    if (isWritten && state !== TcpState.Close && state !== TcpState.SynSent)
      this.translations.remember(socketOf(this.view, i), this.#dialled, tuple, side, flows, isShared);
  }

  #writeKnown(i: number, { words, port, netns, side, isShared }: Translation): void {
    const tuple = this.#tuple;
    tuple.words.set(words);
    tuple.ports[1] = port;
    tuple.netns = netns;
    this.#writeEnd(i, tuple, side);
    if (isShared) hideProcess(this.view, i);
  }

  /** True: the remote end or the direction is written. */
  #writeEnd(i: number, tuple: Tuple, side: Side): boolean {
    const isUnknown = this.view.bytes[i * RECORD.bytes + OFFSET.direction] === Direction.Unknown;
    if (isUnknown) setDirection(this.view, i, side);
    const dialled = remoteText(this.view, i);
    const changed = writeRemote(this.view, i, tuple);
    if (changed) this.replaced++;
    if (changed && side === 'originator') this.dialled.set(i, dialled);
    return changed || isUnknown;
  }

  #note(side: Side, i: number, known: Translation | undefined): void {
    const key = `${side} ${keyOf(this.#dialled)}`;
    let all = this.#contradicted.get(key);
    if (all === undefined) {
      all = {
        side,
        flows: this.tuples.contradicting(this.#dialled, side),
        records: new Map(),
        known: [],
        isUnclear: false,
      };
      this.#contradicted.set(key, all);
    }
    if (known !== undefined) {
      all.known.push([i, known]);
      return;
    }
    if (all.records.has(this.#dialled.netns)) all.isUnclear = true;
    all.records.set(this.#dialled.netns, i);
  }

  /** Gives each socket one of the flows, and no process. A socket that had one before keeps it. */
  #shareOut({ side, flows, records, known, isUnclear }: Contradicted): void {
    let left = flows.map((flow) => ({ flow, end: this.#endOf(flow, side) }));
    for (const [i, translation] of known) {
      const { words, port } = translation;
      const taken = left.findIndex(({ end }) => end.ports[1] === port && sameAddress(end.words, 4, words, 4));
      left = left.filter((_, at) => at !== taken);
      this.#writeKnown(i, translation);
    }
    if (isUnclear || records.size !== left.length) {
      if (records.size > 0) this.isUnclear = true;
      return;
    }
    for (const [, i] of [...records].sort(([a], [b]) => a - b)) {
      const { flow, end } = left.shift()!;
      readTuple(this.view, i, this.#dialled);
      this.#write(i, end, side, this.tuples.copyOf(flow), true);
      hideProcess(this.view, i);
    }
  }

  #endOf(flow: number, side: Side): Tuple {
    const tuple = this.tuples.tupleBeyond(flow, side);
    this.tuples.resolve(tuple, side);
    return tuple;
  }
}

/** Sockets with one tuple, which several flows have that lead to different ends. */
interface Contradicted {
  readonly side: Side;
  readonly flows: readonly number[];
  /** Record numbers, by the sockets' namespaces, of those that have no flow yet. */
  readonly records: Map<number, number>;
  /** Record numbers of those that have one. */
  readonly known: [record: number, translation: Translation][];
  /** Two in one namespace: one of them is over. */
  isUnclear: boolean;
}

function isStill({ words, port, netns, isShared }: Translation, tuple: Tuple): boolean {
  return (
    !isShared && port === tuple.ports[1] && netns === tuple.netns && sameAddress(words, 4, tuple.words, 4)
  );
}

/** Unique to a socket. */
function socketOf({ words }: RecordView, i: number): number {
  const at = i * RECORD.words + WORD.socketId;
  return socketKey(words[at]!, words[at + 1]!);
}

function hideProcess(view: RecordView, i: number): void {
  view.words[i * RECORD.words + WORD.pid] = 0;
  view.bytes[i * RECORD.bytes + OFFSET.pidEvidence] = PidEvidence.None;
}

function readTuple({ halves, words }: RecordView, i: number, tuple: Tuple): void {
  const at = i * RECORD.words;
  for (let word = 0; word < 8; word++) tuple.words[word] = words[at + WORD.localAddress + word]!;
  tuple.ports[0] = halves[i * RECORD.halves + HALF.localPort]!;
  tuple.ports[1] = halves[i * RECORD.halves + HALF.remotePort]!;
  tuple.netns = words[at + WORD.netns]! >>> 0;
}

function setDirection({ bytes }: RecordView, i: number, side: Side): void {
  const direction = side === 'originator' ? Direction.Connected : Direction.Accepted;
  bytes[i * RECORD.bytes + OFFSET.direction] = direction;
  bytes[i * RECORD.bytes + OFFSET.directionEvidence] = DirectionEvidence.Conntrack;
}

/** `address:port` of the record's remote end. */
function remoteText({ halves, words }: RecordView, i: number): string {
  const at = i * RECORD.words + WORD.remoteAddress;
  return addressPort(addressText(words, at), halves[i * RECORD.halves + HALF.remotePort]!);
}

/** False when the remote end is what it was. */
function writeRemote({ halves, words }: RecordView, i: number, tuple: Tuple): boolean {
  const remote = i * RECORD.words + WORD.remoteAddress;
  let changed = halves[i * RECORD.halves + HALF.remotePort] !== tuple.ports[1];
  for (let word = 0; word < 4; word++) {
    if (words[remote + word] !== tuple.words[4 + word]) changed = true;
    words[remote + word] = tuple.words[4 + word]!;
  }
  halves[i * RECORD.halves + HALF.remotePort] = tuple.ports[1]!;
  // A loopback address means something in its own namespace only: the record moves there, as far as ids go.
  if (changed && isLoopbackAddress(words, remote)) words[i * RECORD.words + WORD.netns] = tuple.netns;
  return changed;
}
