/**
 * Endpoints under the addresses that others know them by. A connection that is translated here is seen elsewhere under
 * the translated address; for each such address there is a second endpoint node with `copy_of`, the id of the real one,
 * so that what other probes report of it finds its owner.
 *
 *   what was dialled          copy of the server's endpoint, when the server is on this host
 *   the translated source     copy of the client's endpoint, when the client is on this host
 *   both, without an owner    when this host only forwards the connection
 *
 * A client's endpoint also says, in keys of its own: `nat_destination`, what it dialled, and `nat_source`, what it looks
 * like from outside (`address:port`).
 */
import { endpointNodeId, hostScope, loopbackScope } from '../../report/model/node-ids.js';
import type { Latest, Node, Timestamp, Topology } from '../../report/model/model.js';
import { addressText, isIpv4, isLinkLocalAddress, isLoopbackAddress } from '../records/address.js';
import type { FlowBatch } from '../records/nat-flow.js';
import { FlowIndex, type Tuple } from './flow-index.js';

/** Copies per report; a gateway translates as many flows as it likes. What is over is counted in `dropped`. */
export const MAX_NAT_COPIES = 20_000;

export interface NatContext {
  readonly hostName: string;
  readonly now: Timestamp;
}

export interface NattedTopology {
  readonly topology: Topology;
  /** Copies that were added. */
  readonly copies: number;
  /** Copies left out because of the bound. */
  readonly dropped: number;
}

/** Adds the copies to the endpoints of this host's connections. The given topology is not changed. */
export function withNatCopies(topology: Topology, flows: FlowBatch, context: NatContext): NattedTopology {
  if (flows.flowCount === 0) return { topology, copies: 0, dropped: 0 };
  const tuples = new FlowIndex(flows);
  const copies = new NatCopies(topology.nodes, context);
  for (let flow = 0; flow < tuples.count; flow++)
    if (tuples.isTranslated(flow)) copies.add(endsOf(tuples, flow, context.hostName));
  const nodes = new Map(topology.nodes);
  for (const [id, node] of copies.nodes) nodes.set(id, node);
  return { topology: { ...topology, nodes }, copies: copies.count, dropped: copies.dropped };
}

interface End {
  readonly id: string;
  /** `address:port`, IPv6 in brackets. */
  readonly text: string;
}

interface NattedConnection {
  /** Behind all translations. */
  readonly client: End;
  readonly server: End;
  /** What this flow's opener dialled, and what its acceptor sees as the client. */
  readonly dialled: End;
  readonly source: End;
}

function endsOf(tuples: FlowIndex, flow: number, hostName: string): NattedConnection {
  const remote = (tuple: Tuple): End => {
    const { words, ports, netns } = tuple;
    const address = addressText(words, 4);
    const port = ports[1]!;
    const scope = isLoopbackAddress(words, 4)
      ? loopbackScope(hostName, netns)
      : isLinkLocalAddress(words, 4)
        ? hostScope(hostName)
        : '';
    const text = isIpv4(words, 4) ? `${address}:${port}` : `[${address}]:${port}`;
    return { id: endpointNodeId(scope, address, port), text };
  };
  const opener = tuples.tupleOf(flow, 'opener');
  const acceptor = tuples.tupleOf(flow, 'acceptor');
  const [dialled, source] = [remote(opener), remote(acceptor)];
  tuples.resolve(opener, 'opener');
  tuples.resolve(acceptor, 'acceptor');
  return { dialled, source, server: remote(opener), client: remote(acceptor) };
}

class NatCopies {
  /** Nodes that are new or say more than before. */
  readonly nodes = new Map<string, Node>();
  count = 0;
  dropped = 0;

  constructor(
    private readonly real: ReadonlyMap<string, Node>,
    private readonly context: NatContext,
  ) {}

  add({ client, server, dialled, source }: NattedConnection): void {
    const isForwarded = !this.real.has(client.id) && !this.real.has(server.id);
    if (dialled.id !== server.id) {
      this.#copy(dialled.id, server.id, isForwarded);
      this.#note(client.id, 'nat_destination', dialled.text);
    }
    if (source.id !== client.id) {
      this.#copy(source.id, client.id, isForwarded);
      this.#note(client.id, 'nat_source', source.text);
    }
  }

  /** @param evenUnowned makes a copy that says nothing but what it is a copy of */
  #copy(id: string, realId: string, evenUnowned: boolean): void {
    const known = this.real.get(id);
    // An endpoint that a process here really has is no copy, whatever else uses its address.
    if (known?.latest?.has('host_node_id') === true || this.nodes.has(id)) return;
    const real = this.real.get(realId);
    const isOwned = real?.latest?.has('host_node_id') === true;
    if (!isOwned && !evenUnowned) return;
    if (this.count >= MAX_NAT_COPIES) {
      this.dropped++;
      return;
    }
    this.count++;
    const latest = new Map<string, Latest>([...(known?.latest ?? []), ...(real?.latest ?? [])]);
    latest.set('copy_of', { timestamp: this.context.now, value: realId });
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
    const node = this.nodes.get(id) ?? this.real.get(id);
    if (node?.latest?.has('host_node_id') !== true || node.latest.has('copy_of')) return;
    const latest = new Map(node.latest).set(key, { timestamp: this.context.now, value });
    this.nodes.set(id, { ...node, latest });
  }
}
