/**
 * Endpoints under the addresses that others know them by. A connection that is translated here is seen elsewhere under the
 * translated address; for each such address there is a second endpoint node with `copy_of`, the id of the real one, so that
 * what a Scope probe elsewhere reports of it finds its owner.
 *
 *   what was dialled          copy of the server's endpoint, when the server is on this host
 *   the translated source     copy of the client's endpoint, when the client is on this host
 *   both, without an owner    when this host only forwards the connection
 *
 * A client's endpoint also has `nat_destination`, what it dialled, and `nat_source`, what it is to others (`address:port`).
 */
import { FACT } from '../../report/keys.js';
import type { Latest, Node, Timestamp } from '../../report/model/model.js';

/** Copies per report: a gateway translates as many connections as it likes. What is over is counted. */
export const NAT_COPIES_MAX = 20_000;

export interface NatEnd {
  readonly id: string;
  /** `address:port`, IPv6 in brackets. */
  readonly text: string;
}

/** One translated connection. */
export interface Translated {
  /** Behind all translations. */
  readonly client: NatEnd;
  readonly server: NatEnd;
  /** What the client dialled, and what the server sees as the client. */
  readonly dialled: NatEnd;
  readonly source: NatEnd;
  /** Neither end is on this host. */
  readonly isForwarded: boolean;
}

export class NatCopies {
  copies = 0;
  dropped = 0;
  /** Nodes that are new, or state more than the real ones. */
  readonly nodes = new Map<string, Node>();
  readonly #real: ReadonlyMap<string, Node>;
  readonly #now: Timestamp;

  /** @param real endpoints as they really are */
  constructor(real: ReadonlyMap<string, Node>, now: Timestamp) {
    this.#real = real;
    this.#now = now;
  }

  add({ client, server, dialled, source, isForwarded }: Translated): void {
    if (dialled.id !== server.id) {
      this.#copy(dialled.id, server.id, isForwarded);
      this.#note(client.id, FACT.natDestination, dialled.text);
    }
    if (source.id !== client.id) {
      this.#copy(source.id, client.id, isForwarded);
      this.#note(client.id, FACT.natSource, source.text);
    }
  }

  /** @param evenUnowned makes a copy that states nothing but what it is a copy of */
  #copy(id: string, realId: string, evenUnowned: boolean): void {
    const known = this.#real.get(id);
    // An endpoint that a process here really has is no copy, whatever else uses its address.
    if (isOwned(known) || this.nodes.has(id)) return;
    const real = this.#real.get(realId);
    if (!isOwned(real) && !evenUnowned) return;
    if (this.copies >= NAT_COPIES_MAX) {
      this.dropped++;
      return;
    }
    this.copies++;
    const latest = new Map<string, Latest>([...(known?.latest ?? []), ...(real?.latest ?? [])]);
    latest.set(FACT.copyOf, { timestamp: this.#now, value: realId });
    const adjacency = [...new Set([...(known?.adjacency ?? []), ...(real?.adjacency ?? [])])].sort();
    this.nodes.set(id, {
      ...known,
      id,
      topology: 'endpoint',
      latest,
      ...(adjacency.length > 0 && { adjacency }),
    });
  }

  #note(id: string, key: string, value: string): void {
    const node = this.nodes.get(id) ?? this.#real.get(id);
    if (node?.latest?.has(FACT.hostNodeId) !== true || node.latest.has(FACT.copyOf)) return;
    const latest = new Map(node.latest).set(key, { timestamp: this.#now, value });
    this.nodes.set(id, { ...node, latest });
  }
}

function isOwned(node: Node | undefined): boolean {
  return node?.latest?.has(FACT.hostNodeId) === true;
}
