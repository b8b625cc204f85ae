/**
 * Connections that are followed from snapshot to snapshot: their ends, and the flow that counts each. News of a connection
 * make it counted anew. A closed connection is forgotten once both its ends are known, or its wait for the other end is
 * over.
 */
import { DirectionEvidence, HALF, RECORD, WORD } from '../records/layout.js';
import { isSelfConnect } from '../records/scope.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { ConnectionMatcher } from './connection-matcher.js';
import { Counted, endOf, NO_SLOT, type ConnectionTable } from './connection-table.js';
import { NO_END, type EndTable } from './end-table.js';
import type { FlowLookup } from './flow-lookup.js';
import type { HostAddresses } from './host-addresses.js';
import type { Orientation } from './orientation.js';
import type { SharedAddresses } from './shared-addresses.js';
import { tupleHash } from './tuple-hash.js';
import { isUntaken } from './untaken.js';

/** Snapshots for which a closed connection waits for its other end, and the most that wait. */
const LINGER = 2;
const MAX_LINGERING = 65_536;

export class FollowedConnections {
  /** Connections with news that are not counted yet. */
  #touched: number[] = [];
  /** Connections whose direction is a guess: listeners may correct it. */
  readonly #guessed = new Set<number>();
  /** Live untaken connections: the process that takes their listener's other ones may become known. */
  readonly #untaken = new Set<number>();
  #serversSeen = 0;
  /** Closed connections whose other end may still come, in the order of their ends. */
  readonly #lingering = new Set<number>();
  #round = 0;
  /** Connections that ended in this round. */
  ended = 0;
  /** Ends that were dropped before their other end came: there was no room. */
  unmatched = 0;

  constructor(
    private readonly ends: EndTable,
    private readonly connections: ConnectionTable,
    private readonly addresses: HostAddresses,
    private readonly shared: SharedAddresses,
    private readonly matcher: ConnectionMatcher,
    private readonly orientation: Orientation,
    private readonly flows: FlowLookup,
    private readonly counts: ConnectionCounts,
  ) {}

  /** Live connections. */
  get live(): number {
    return this.connections.size - this.#lingering.size;
  }

  beginRound(): void {
    this.#round++;
    this.ended = 0;
  }

  /** Gives an end its connection: one that waits for it, or a new one. */
  attach(slot: number): void {
    const { view } = this.ends;
    const order = endOf(view, slot);
    const hash = tupleHash(view, slot);
    let connection = this.matcher.connectionFor(view, slot, hash);
    if (connection === NO_SLOT) connection = this.connections.add(hash);
    this.connections.ends[connection * 2 + order] = slot;
    this.ends.connections[slot] = connection;
    this.touch(connection);
  }

  /** The end does not belong to its connection after all. */
  detach(slot: number): void {
    const connection = this.ends.connections[slot]!;
    const order = this.connections.ends[connection * 2] === slot ? 0 : 1;
    this.connections.ends[connection * 2 + order] = NO_END;
    this.ends.connections[slot] = NO_END;
    if (this.connections.ends[connection * 2 + 1 - order] === NO_END) this.#forget(connection, true);
    else this.touch(connection);
  }

  /** Has the connection counted anew after all records are read, when both ends are known. */
  touch(connection: number): void {
    if (this.connections.isTouched[connection] === 1) return;
    this.connections.isTouched[connection] = 1;
    this.#touched.push(connection);
  }

  settleTouched(): void {
    for (const connection of this.#touched) {
      if (this.connections.isTouched[connection] === 0) continue;
      this.connections.isTouched[connection] = 0;
      this.#settle(connection);
    }
    this.#touched = [];
  }

  /** Counts connections with a guessed direction anew: listeners have changed. */
  settleGuessed(): void {
    for (const connection of this.#guessed) this.#settle(connection);
  }

  /** Counts untaken connections anew: the processes of more listeners' connections are known. */
  settleUntaken(): void {
    if (this.flows.serversVersion === this.#serversSeen) return;
    this.#serversSeen = this.flows.serversVersion;
    for (const connection of this.#untaken) this.#settle(connection);
  }

  /** Forgets closed connections whose other end did not come. */
  endLingering(): void {
    for (const connection of this.#lingering) {
      const isTooMany = this.#lingering.size > MAX_LINGERING;
      if (isTooMany) this.unmatched++;
      else if (this.#round - this.connections.closedIn[connection]! < LINGER) return;
      this.#forget(connection, false);
    }
  }

  /** Client ports of a flow's live connections. */
  livePorts(flow: number): number[] {
    const { counted, port } = this.connections.contributions;
    const ports: number[] = [];
    for (const connection of this.connections.ofFlow(flow))
      if ((counted[connection]! & Counted.Live) !== 0) ports.push(port[connection]!);
    return ports;
  }

  /** The flow of a socket's connection; NO_SLOT: none. @param slot of the socket's end */
  flowOf(slot: number): number {
    const connection = this.ends.connections[slot]!;
    return connection === NO_END ? NO_SLOT : this.connections.contributions.flow[connection]!;
  }

  /** Whether the end is its connection's client end. */
  isClientEnd(slot: number): boolean {
    const connection = this.ends.connections[slot]!;
    if (connection === NO_END) return false;
    this.#orient(connection);
    return this.orientation.client === slot;
  }

  #orient(connection: number): void {
    const { ends } = this.connections;
    this.orientation.find(this.ends.view, ends[connection * 2]!, ends[connection * 2 + 1]!);
  }

  /** Counts a connection anew. */
  #settle(connection: number): void {
    const { view } = this.ends;
    this.#orient(connection);
    const { client, server, evidence } = this.orientation;
    if (evidence <= DirectionEvidence.ListenerTable) this.#guessed.add(connection);
    else this.#guessed.delete(connection);
    const isLive = this.ends.isLive(client) || this.ends.isLive(server);
    const space = this.shared.spaceOf(view, client, server);
    const via = client === NO_END ? 0 : this.ends.dialled[client]!;
    const flow = this.flows.slotOf(view, client, server, evidence, via, space, false);
    const own = client !== NO_END ? client : server;
    const port = view.halves[own * RECORD.halves + (client !== NO_END ? HALF.localPort : HALF.remotePort)]!;
    this.counts.count(connection, flow, client, server, isLive, port);
    if (isLive) {
      if (server !== NO_END && isUntaken(view, server)) this.#untaken.add(connection);
      else this.#untaken.delete(connection);
      this.connections.closedIn[connection] = 0;
      this.#lingering.delete(connection);
      return;
    }
    if (this.connections.closedIn[connection] === 0) {
      this.connections.closedIn[connection] = this.#round;
      this.ended++;
    }
    const isComplete = client !== NO_END && server !== NO_END;
    if (
      isComplete ||
      !this.addresses.has(view.words, own * RECORD.words + WORD.remoteAddress) ||
      isSelfConnect(view, own)
    )
      this.#forget(connection, false);
    else this.#lingering.add(connection);
  }

  /** @param isUndone takes its contribution out: the connection never existed */
  #forget(connection: number, isUndone: boolean): void {
    if (isUndone) this.counts.takeOut(connection);
    const { ends } = this.connections;
    for (const slot of [ends[connection * 2]!, ends[connection * 2 + 1]!])
      if (slot !== NO_END) this.ends.remove(slot);
    this.#lingering.delete(connection);
    this.#guessed.delete(connection);
    this.#untaken.delete(connection);
    this.connections.remove(connection);
  }
}
