/**
 * The end that a socket is: the client's (it connected) or the server's (it accepted). Without a seen handshake and counters
 * that show it, listeners decide, else ports. Both ends of one connection get the same answer.
 */
import { compareAddresses } from '../records/address.js';
import { Direction, DirectionEvidence, HALF, OFFSET, RECORD, WORD } from '../records/layout.js';
import { type RecordView } from '../records/record-view.js';
import { isSelfConnect } from '../records/scope.js';
import type { HostAddresses } from './host-addresses.js';
import type { ListenerBook } from './listener-book.js';

export const CLIENT = 1;
export const SERVER = 2;
/** A socket connected to its own address and port, which the kernel allows. */
export const BOTH = 3;

export class Roles {
  /** A `DirectionEvidence`: of the last `roleOf`. */
  evidence = 0;
  /** All listeners of the sockets' namespaces are known: an end without a listener at its port is the client's. */
  areListenersListed = false;

  constructor(
    private readonly listeners: ListenerBook,
    private readonly addresses: HostAddresses,
  ) {}

  /** The role of an established connection's socket. */
  roleOf(view: RecordView, i: number): number {
    const { bytes } = view;
    const at = i * RECORD.bytes;
    const direction = bytes[at + OFFSET.direction];
    this.evidence = bytes[at + OFFSET.directionEvidence]!;
    if (isSelfConnect(view, i)) return BOTH;
    if (direction === Direction.Unknown) return this.#guess(view, i);
    return direction === Direction.Connected ? CLIENT : SERVER;
  }

  #guess({ halves, words }: RecordView, i: number): number {
    const at = i * RECORD.words;
    const local = at + WORD.localAddress;
    const remote = at + WORD.remoteAddress;
    const netns = words[at + WORD.netns]!;
    const localPort = halves[i * RECORD.halves + HALF.localPort]!;
    const remotePort = halves[i * RECORD.halves + HALF.remotePort]!;
    const listensHere = this.listeners.listens(netns, words, local, localPort);
    const isRemoteHere = this.addresses.isIn(netns, words, remote);
    const listensThere = isRemoteHere && this.listeners.listens(netns, words, remote, remotePort);
    // Without a listener here, this end connected. If both ends are here and neither has a listener any more, the
    // direction is unknown.
    const isFromHere = this.areListenersListed && !listensHere && !isRemoteHere;
    if (listensHere !== listensThere || isFromHere) {
      this.evidence = DirectionEvidence.ListenerTable;
      return listensHere ? SERVER : CLIENT;
    }
    this.evidence = DirectionEvidence.PortGuess;
    const order = localPort - remotePort || compareAddresses(words, local, remote);
    return order < 0 ? SERVER : CLIENT;
  }
}
