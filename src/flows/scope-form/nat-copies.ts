/**
 * Endpoints under translated addresses. Other hosts see a connection that is translated here under the translated address.
 * Each such address gets a second endpoint node with `copy_of`, the id of the real one, so that reports of Scope probes
 * elsewhere find its owner.
 *
 *   the dialled address       copy of the server's endpoint, if the server is on this host
 *   the translated source     copy of the client's endpoint, if the client is on this host
 *   both, without an owner    if this host only forwards the connection
 *
 * A client's endpoint also has `nat_destination`, the dialled address, and `nat_source`, its translated one
 * (`address:port`).
 */
import { FACT } from '../../report/keys.js';
import type { Latest, Node, Timestamp } from '../../report/model/model.js';

/** The most copies per report: a gateway translates any number of connections. The rest is counted. */
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
  /** The dialled address, and the client as the server sees it. */
  readonly dialled: NatEnd;
  readonly source: NatEnd;
  /** Neither end is on this host. */
  readonly isForwarded: boolean;
}

export class NatCopies {
  copies = 0;
  dropped = 0;
  /** Nodes that are new, or have more than the real ones. */
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

  /** @param evenUnowned makes a copy that has only `copy_of` */
  #copy(id: string, realId: string, evenUnowned: boolean): void {
    const known = this.#real.get(id);
    // An endpoint of a process here is no copy, whatever else uses its address.
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
