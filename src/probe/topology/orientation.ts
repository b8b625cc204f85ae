/**
 * Which end of its connection each record is: the client's (it connected) or the server's (it accepted). Where the
 * handshake was not seen, listeners decide, else ports. Both ends of one connection get the same answer.
 */
import { compareAddresses, sameAddress } from './address.js';
import { ListenerTable } from './listeners.js';
import { LocalAddresses } from './local-addresses.js';
import { Direction, DirectionEvidence, Flag, OFFSET, RECORD_BYTES } from './record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from './record-view.js';

/** What a record is to its connection. */
export const Role = { None: 0, Client: 1, Server: 2, Both: 3 } as const;

export interface Orientation {
  /** Per record: a `Role`; None for listeners and for what never was established. */
  readonly roles: Uint8Array;
  /** Per record: a `DirectionEvidence`. */
  readonly evidence: Uint8Array;
  readonly listeners: number;
  /** Records that never were established: failed connects. */
  readonly failed: number;
}

export function orient(view: RecordView): Orientation {
  const { bytes, count } = view;
  const roles = new Uint8Array(count);
  const evidence = new Uint8Array(count);
  let listeners = 0;
  let failed = 0;
  const unknown: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * RECORD_BYTES;
    const direction = bytes[at + OFFSET.direction]!;
    if (direction === Direction.Listener) {
      listeners++;
    } else if ((bytes[at + OFFSET.flags]! & Flag.Established) === 0) {
      failed++;
    } else if (isSelfConnect(view, i)) {
      roles[i] = Role.Both;
      evidence[i] = bytes[at + OFFSET.directionEvidence]!;
    } else if (direction === Direction.Unknown) {
      unknown.push(i);
    } else {
      roles[i] = direction === Direction.Connected ? Role.Client : Role.Server;
      evidence[i] = bytes[at + OFFSET.directionEvidence]!;
    }
  }
  if (unknown.length > 0) guess(view, unknown, roles, evidence);
  return { roles, evidence, listeners, failed };
}

/** One socket connected to its own address and port: the kernel allows it. */
export function isSelfConnect({ halves, words }: RecordView, i: number): boolean {
  const half = i * HALVES;
  if (halves[half + HALF.localPort] !== halves[half + HALF.remotePort]) return false;
  return sameAddress(words, i * WORDS + WORD.localAddress, words, i * WORDS + WORD.remoteAddress);
}

function guess(view: RecordView, unknown: readonly number[], roles: Uint8Array, evidence: Uint8Array): void {
  const { halves, words } = view;
  const listeners = new ListenerTable(view);
  const locals = new LocalAddresses(view, 'namespace');
  for (const i of unknown) {
    const at = i * WORDS;
    const [local, remote, netns] = [at + WORD.localAddress, at + WORD.remoteAddress, words[at + WORD.netns]!];
    const localPort = halves[i * HALVES + HALF.localPort]!;
    const remotePort = halves[i * HALVES + HALF.remotePort]!;
    const listensHere = listeners.has(netns, words, local, localPort);
    const listensThere = locals.has(netns, words, remote) && listeners.has(netns, words, remote, remotePort);
    const known = listensHere !== listensThere;
    const server = known ? listensHere : localPort - remotePort || compareAddresses(words, local, remote);
    roles[i] = server === true || (typeof server === 'number' && server < 0) ? Role.Server : Role.Client;
    evidence[i] = known ? DirectionEvidence.ListenerTable : DirectionEvidence.PortGuess;
  }
}
