/**
 * Which end of its connection each record is: the client's (it connected) or the server's (it accepted). Where the
 * handshake was not seen and the socket does not tell, listeners decide, else ports. Both ends of one connection get the same answer.
 */
import { compareAddresses } from '../records/address.js';
import { ListenerTable } from './listeners.js';
import { LocalAddresses } from '../records/local-addresses.js';
import { isSelfConnect } from '../records/scope.js';
import { Direction, DirectionEvidence, OFFSET, RECORD_BYTES } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';

/** What a record is to its connection. */
export const Role = { None: 0, Client: 1, Server: 2, Both: 3 } as const;

// The module's own constants, which alone the engine takes for such: see grouping.ts.
const { direction: DIRECTION, directionEvidence: DIRECTION_EVIDENCE } = OFFSET;
const { localAddress: LOCAL_ADDRESS, netns: NETNS, remoteAddress: REMOTE_ADDRESS } = WORD;
const { localPort: LOCAL_PORT, remotePort: REMOTE_PORT } = HALF;
const { Connected: CONNECTED, Unknown: UNKNOWN } = Direction;
const BYTES = RECORD_BYTES;
const HALVES_EACH = HALVES;
const WORDS_EACH = WORDS;

/** Tells roles record by record; what it needs to guess with is made when the first guess is due. */
export class Orienter {
  /** Evidence of the role told last, a `DirectionEvidence`. */
  evidence = 0;
  #listeners: ListenerTable | undefined;
  #locals: LocalAddresses | undefined;

  /** @param listenersListed every listener of the records' namespaces is among the records */
  constructor(
    private readonly view: RecordView,
    private readonly listenersListed = false,
  ) {}

  /** The role of an established connection's socket. */
  roleOf(i: number): number {
    const { bytes } = this.view;
    const at = i * BYTES;
    const direction = bytes[at + DIRECTION];
    this.evidence = bytes[at + DIRECTION_EVIDENCE]!;
    if (isSelfConnect(this.view, i)) return Role.Both;
    if (direction === UNKNOWN) return this.#guess(i);
    return direction === CONNECTED ? Role.Client : Role.Server;
  }

  #guess(i: number): number {
    const listeners = (this.#listeners ??= new ListenerTable(this.view));
    const locals = (this.#locals ??= new LocalAddresses(this.view, 'namespace'));
    const { halves, words } = this.view;
    const at = i * WORDS_EACH;
    const local = at + LOCAL_ADDRESS;
    const remote = at + REMOTE_ADDRESS;
    const netns = words[at + NETNS]!;
    const localPort = halves[i * HALVES_EACH + LOCAL_PORT]!;
    const remotePort = halves[i * HALVES_EACH + REMOTE_PORT]!;
    const listensHere = listeners.has(netns, words, local, localPort);
    const isRemoteHere = locals.has(netns, words, remote);
    const listensThere = isRemoteHere && listeners.has(netns, words, remote, remotePort);
    // Where nobody listens here, the connection was made from here. Of two ends that are both here, and neither
    // listens any more, nobody can know.
    const isFromHere = this.listenersListed && !listensHere && !isRemoteHere;
    if (listensHere !== listensThere || isFromHere) {
      this.evidence = DirectionEvidence.ListenerTable;
      return listensHere ? Role.Server : Role.Client;
    }
    this.evidence = DirectionEvidence.PortGuess;
    const order = localPort - remotePort || compareAddresses(words, local, remote);
    return order < 0 ? Role.Server : Role.Client;
  }
}
