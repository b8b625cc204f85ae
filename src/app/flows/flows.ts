/**
 * Who talks to whom among endpoint groups, with both sides looked up. Look-ups are kept from one state to the next and
 * made anew only for endpoints that changed and the groups that lead to them.
 */
import type { Node } from '../../report/model/model.js';
import { parseEndpointNodeId } from '../../report/model/node-ids.js';
import { canonicalEndpoint, hostNameOf, latestOf, realPeers, type EndpointFacts } from './endpoint.js';
import type { ClientGroup, ClientGroups } from './client-groups.js';
import type { ConnectionTotals } from './totals.js';

/** An endpoint as the far side of connections. */
export interface Peer {
  readonly facts: EndpointFacts;
  /** The port that connections really reach: NAT seen through. */
  readonly port: string;
  /** False when no report describes the endpoint: then it cannot be placed, not even on the Internet. */
  readonly known: boolean;
}

/** Connections of one group of endpoints to one peer. */
export interface Link {
  readonly group: ClientGroup;
  readonly peer: Peer;
  readonly totals: ConnectionTotals;
}

export interface Flow {
  readonly group: ClientGroup;
  readonly from: EndpointFacts;
  /** One for each known peer. */
  readonly links: readonly Link[];
}

interface KeptFlow extends Flow {
  /** All that were looked up, known or not: the flow holds as long as these do. */
  readonly peers: readonly KeptPeer[];
}

interface KeptPeer extends Peer {
  outdated: boolean;
}

type Endpoints = ReadonlyMap<string, Node>;

export class Flows {
  readonly groups: ClientGroups;
  /** Bounded like the endpoints: entries of endpoints that nobody leads to any more are swept with the flows. */
  readonly #peers = new Map<string, KeptPeer>();
  /** Endpoint → others whose look-up it had a part in. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #flows = new WeakMap<ClientGroup, KeptFlow>();

  constructor(groups: ClientGroups) {
    this.groups = groups;
  }

  /** Must be told of every endpoint that was added, changed or removed. */
  changed(id: string): void {
    this.#outdate(id);
    const dependents = this.#dependents.get(id);
    if (dependents === undefined) return;
    this.#dependents.delete(id);
    for (const dependent of dependents) this.#outdate(dependent);
  }

  /** Every flow, given the report's endpoints. */
  all(endpoints: Endpoints): Flow[] {
    if (this.#peers.size > 2 * endpoints.size + 1_000) this.#forget();
    return Array.from(this.groups.groups, (group) => this.#flowOf(group, endpoints));
  }

  peer(id: string, endpoints: Endpoints): Peer {
    return this.#peerOf(id, endpoints);
  }

  #outdate(id: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.outdated = true;
    this.#peers.delete(id);
  }

  #forget(): void {
    for (const peer of this.#peers.values()) peer.outdated = true;
    this.#peers.clear();
    this.#dependents.clear();
  }

  #flowOf(group: ClientGroup, endpoints: Endpoints): KeptFlow {
    const kept = this.#flows.get(group);
    if (kept?.peers.every((peer) => !peer.outdated) === true) return kept;
    const all = group.adjacency.map((id) => this.#peerOf(id, endpoints));
    const real = realPeers(group.adjacency, endpoints);
    const { hostNode, pid, scope, address, totals } = group;
    const ambiguous = real.length > 1;
    const flow: KeptFlow = {
      group,
      from: {
        hostNode,
        pid,
        scope,
        address,
        port: '',
        opens: true,
        ambiguous,
        process: processIdOf(hostNode, pid, ambiguous),
      },
      links: real
        .map((id) => this.#peerOf(id, endpoints))
        .filter(({ known }) => known)
        .map((peer) => ({ group, peer: ambiguous ? peer : servedBy(peer, group.toPid), totals })),
      peers: all,
    };
    this.#flows.set(group, flow);
    return flow;
  }

  #peerOf(id: string, endpoints: Endpoints): KeptPeer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      const canonicalId = canonicalEndpoint(id, endpoints);
      if (canonicalId !== id) this.#noteDependent(canonicalId, id);
      for (const lookedAt of [id, canonicalId]) {
        const adjacency = endpoints.get(lookedAt)?.adjacency ?? [];
        if (adjacency.length > 1) for (const other of adjacency) this.#noteDependent(other, id);
      }
      const port = (parseEndpointNodeId(canonicalId) ?? parseEndpointNodeId(id))?.port ?? '';
      peer = { facts: factsOf(id, canonicalId, endpoints), port, known: endpoints.has(id), outdated: false };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #noteDependent(id: string, dependent: string): void {
    const dependents = this.#dependents.get(id);
    if (dependents === undefined) this.#dependents.set(id, new Set([dependent]));
    else dependents.add(dependent);
  }
}

/** Facts of endpoint `id`; a NAT copy that no probe owns is owned by whoever owns the endpoint behind it. */
function factsOf(id: string, canonicalId: string, endpoints: Endpoints): EndpointFacts {
  const own = endpoints.get(id);
  const node = latestOf(own, 'host_node_id') === undefined ? (endpoints.get(canonicalId) ?? own) : own;
  const parsed = parseEndpointNodeId(node === own ? id : canonicalId) ?? { scope: '', address: '', port: '' };
  const adjacency = node?.adjacency ?? [];
  const hostNode = latestOf(node, 'host_node_id');
  const pid = latestOf(node, 'pid');
  const ambiguous = realPeers(adjacency, endpoints).length > 1;
  return {
    ...parsed,
    hostNode,
    pid,
    pidEvidence: latestOf(node, 'pid_evidence'),
    opens: adjacency.length > 0,
    ambiguous,
    process: processIdOf(hostNode, pid, ambiguous),
  };
}

/** As `to_pid`: the process is gone, and its PID another's. */
const NOBODY = '0';

/** A port that several processes serve has one node; the connection itself knows which of them it is with. */
function servedBy(peer: Peer, toPid: string | undefined): Peer {
  const { facts } = peer;
  if (toPid === undefined || facts.hostNode === undefined || facts.pid === toPid) return peer;
  const pid = toPid === NOBODY ? undefined : toPid;
  return { ...peer, facts: { ...facts, pid, process: processIdOf(facts.hostNode, pid, facts.ambiguous) } };
}

function processIdOf(
  hostNode: string | undefined,
  pid: string | undefined,
  ambiguous: boolean,
): string | undefined {
  if (hostNode === undefined || pid === undefined || ambiguous) return undefined;
  return `${hostNameOf(hostNode)};${pid}`;
}
