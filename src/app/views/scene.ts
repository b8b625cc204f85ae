/**
 * What every view of one moment is made from: the merged report, its endpoint groups, and look-ups derived from
 * them. Derived parts are made when first asked for and shared by all views of that moment.
 */
import type { Node, Report, TopologyKey } from '../../report/model.js';
import {
  canonicalEndpoint,
  hasSeveralPeers,
  latestOf,
  parseEndpointId,
  type EndpointFacts,
} from './endpoint.js';
import { EndpointGroups, type EndpointGroup } from './groups.js';
import { localNetworks, type NetworkSet } from './networks.js';

/** One peer of a group: an endpoint's facts, and the port that connections really reach (NAT seen through). */
export interface Peer {
  readonly facts: EndpointFacts;
  /** Id of the endpoint behind NAT copies. */
  readonly canonicalId: string;
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
  readonly #groups: EndpointGroups;
  #local: NetworkSet | undefined;
  #flows: readonly Flow[] | undefined;
  readonly #peers = new Map<string, Peer>();

  /** `groups` must hold exactly the report's endpoints. */
  constructor(report: Report, groups: EndpointGroups) {
    this.report = report;
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
      const port = (parseEndpointId(canonicalId) ?? parseEndpointId(id))?.port ?? '';
      peer = { facts: factsOf(id, nodes), canonicalId, port };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #flowOf(group: EndpointGroup): Flow {
    const ambiguous = hasSeveralPeers(group.adjacency, this.nodes('Endpoint'));
    const { hostNode, pid, scope, address } = group;
    return {
      group,
      from: { hostNode, pid, scope, address, port: '', opens: true, ambiguous },
      // An endpoint that no report describes cannot be placed, not even on the Internet.
      peers: group.adjacency.filter((id) => this.nodes('Endpoint').has(id)).map((id) => this.peer(id)),
    };
  }
}

/** A scene of one report, from nothing. */
export function sceneOf(report: Report): Scene {
  const groups = new EndpointGroups();
  for (const [id, node] of report.topologies.get('Endpoint')?.nodes ?? []) groups.set(id, node);
  return new Scene(report, groups);
}

function factsOf(id: string, nodes: ReadonlyMap<string, Node>): EndpointFacts {
  const node = nodes.get(id);
  const parsed = parseEndpointId(id) ?? { scope: '', address: '', port: '' };
  const adjacency = node?.adjacency ?? [];
  return {
    ...parsed,
    hostNode: latestOf(node, 'host_node_id'),
    pid: latestOf(node, 'pid'),
    opens: adjacency.length > 0,
    ambiguous: hasSeveralPeers(adjacency, nodes),
  };
}
