/**
 * What every view of one moment is made from: the merged report, its endpoint groups, and look-ups derived from
 * them. Derived parts are made when first asked for and shared by all views of that moment.
 */
import { parseEndpointNodeId } from '../../report/node-ids.js';
import type { Node, Report, TopologyKey } from '../../report/model.js';
import { canonicalEndpoint, realPeers, latestOf, type EndpointFacts } from './endpoint.js';
import { EndpointGroups, type EndpointGroup } from './groups.js';
import { localNetworks, type NetworkSet } from './networks.js';

/** One peer of a group: an endpoint's facts, and the port that connections really reach (NAT seen through). */
export interface Peer {
  readonly facts: EndpointFacts;
  readonly port: string;
}

/** A group with both its sides looked up. */
export interface Flow {
  readonly group: EndpointGroup;
  readonly from: EndpointFacts;
  readonly peers: readonly Peer[];
}

const NO_NODES: ReadonlyMap<string, Node> = new Map();

export class Scene {
  readonly report: Report;
  /** Changes when what nodes are called or belong to may have changed. */
  readonly namesVersion: number;
  readonly #groups: EndpointGroups;
  #local: NetworkSet | undefined;
  #flows: readonly Flow[] | undefined;
  readonly #peers = new Map<string, Peer>();

  /** `groups` must hold exactly the report's endpoints. */
  constructor(report: Report, groups: EndpointGroups, namesVersion = 0) {
    this.report = report;
    this.namesVersion = namesVersion;
    this.#groups = groups;
  }

  nodes(topology: TopologyKey): ReadonlyMap<string, Node> {
    return this.report.topologies.get(topology)?.nodes ?? NO_NODES;
  }

  get local(): NetworkSet {
    return (this.#local ??= localNetworks(this.report));
  }

  get flows(): readonly Flow[] {
    return (this.#flows ??= Array.from(this.#groups.groups, (group) => this.#flowOf(group)));
  }

  /** Endpoints that open nothing: servers, mostly. */
  *sinks(): Iterable<EndpointFacts> {
    for (const id of this.#groups.sinks.keys()) yield this.peer(id).facts;
  }

  /** The endpoint of this id as the far side of a connection; known to no probe when the report has no such node. */
  peer(id: string): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      const nodes = this.nodes('Endpoint');
      const canonicalId = canonicalEndpoint(id, nodes);
      const port = (parseEndpointNodeId(canonicalId) ?? parseEndpointNodeId(id))?.port ?? '';
      peer = { facts: factsOf(id, canonicalId, nodes), port };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #flowOf(group: EndpointGroup): Flow {
    const endpoints = this.nodes('Endpoint');
    const peers = realPeers(group.adjacency, endpoints);
    const { hostNode, pid, scope, address } = group;
    return {
      group,
      from: { hostNode, pid, scope, address, port: '', opens: true, ambiguous: peers.length > 1 },
      // An endpoint that no report describes cannot be placed, not even on the Internet.
      peers: peers.filter((id) => endpoints.has(id)).map((id) => this.peer(id)),
    };
  }
}

/** A scene of one report, from nothing. */
export function sceneOf(report: Report): Scene {
  const groups = new EndpointGroups();
  for (const [id, node] of report.topologies.get('Endpoint')?.nodes ?? []) groups.set(id, node);
  return new Scene(report, groups);
}

/** Facts of endpoint `id`; a NAT copy that no probe owns is owned by whoever owns the endpoint behind it. */
function factsOf(id: string, canonicalId: string, nodes: ReadonlyMap<string, Node>): EndpointFacts {
  const own = nodes.get(id);
  const node = latestOf(own, 'host_node_id') === undefined ? (nodes.get(canonicalId) ?? own) : own;
  const parsed = parseEndpointNodeId(node === own ? id : canonicalId) ?? { scope: '', address: '', port: '' };
  const adjacency = node?.adjacency ?? [];
  return {
    ...parsed,
    hostNode: latestOf(node, 'host_node_id'),
    pid: latestOf(node, 'pid'),
    opens: adjacency.length > 0,
    ambiguous: realPeers(adjacency, nodes).length > 1,
  };
}
