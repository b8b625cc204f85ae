/**
 * Addresses that mean something on one host only, such as those of Docker's default bridge, are the same on many. Endpoint
 * ids are made of addresses, so that what such hosts report would be taken for one. Here the endpoints of a report get
 * the host's name as their scope, Scope's own form for addresses of one host, where they can't be what others call so:
 *
 *   two hosts each own an endpoint of one id        it is the one's who came first, and the other's is its own
 *   a third host speaks of it                       its own too: who is meant is told by the client's endpoint, which
 *                                                   one of the two knows as well (see `realPeers`)
 *   one host owns it, and the report's host can't   its own: both have the same interface address in the network of
 *   mean that one                                   the endpoint, so that it is two networks
 */
import type { Node, Report } from '../../report/model/model.js';
import { endpointNodeId, hostScope, parseEndpointNodeId } from '../../report/model/node-ids.js';
import { hostNameOf, latestOf } from '../flows/endpoint.js';
import type { FactStore } from './fact-store.js';
import { SharedNetworks } from './shared-networks.js';

export interface ScopedReport {
  readonly report: Report;
  /** Nodes that are not as they were sent. */
  readonly changed: ReadonlySet<Node>;
}

const NONE: ReadonlySet<Node> = new Set();
/** Entries are few and short; hosts that fight over more than this are mistaken for one again. */
const MAX_CONTESTED = 100_000;

export class Scopes {
  readonly #endpoints: FactStore<Node>;
  readonly #windowMs: number;
  readonly #networks = new SharedNetworks();
  /** Endpoint id → when a second host last owned it. */
  readonly #contested = new Map<string, number>();
  /** Host node id and endpoint id of those who came second. */
  readonly #second = new Set<string>();

  /** @param endpoints what is known so far, under the ids given here */
  constructor(endpoints: FactStore<Node>, windowMs: number) {
    this.#endpoints = endpoints;
    this.#windowMs = windowMs;
  }

  /** @param recalled nodes that the same probe told before, word for word */
  apply(report: Report, recalled: ReadonlySet<Node>, nowMs: number): ScopedReport {
    this.#forget(nowMs);
    const nodes = report.topologies.get('Endpoint')?.nodes;
    const host = hostOf(report);
    if (nodes === undefined || host === undefined) return { report, changed: NONE };
    this.#networks.note(host, report.topologies.get('Host')?.nodes.get(host), nowMs);
    for (const [id, node] of nodes) {
      if (recalled.has(node) || ownerOf(node) !== host || !isGlobal(id)) continue;
      if (this.#second.has(keyOf(host, id)) || this.#isOwnedByOther(id, host)) this.#contest(host, id, nowMs);
    }
    if (this.#contested.size === 0 && !this.#networks.isSharing(host)) return { report, changed: NONE };
    return this.#renamed(report, nodes, host);
  }

  #contest(host: string, id: string, nowMs: number): void {
    if (this.#contested.size >= MAX_CONTESTED) return;
    this.#second.add(keyOf(host, id));
    this.#contested.delete(id);
    this.#contested.set(id, nowMs);
  }

  #forget(nowMs: number): void {
    this.#networks.forgetBefore(nowMs - this.#windowMs);
    for (const [id, atMs] of this.#contested) {
      if (atMs >= nowMs - this.#windowMs) break;
      this.#contested.delete(id);
      for (const key of this.#second) if (key.endsWith(`\n${id}`)) this.#second.delete(key);
    }
  }

  #renamed(report: Report, nodes: ReadonlyMap<string, Node>, host: string): ScopedReport {
    const known = new Map<string, string>();
    const rename = (id: string): string => {
      let name = known.get(id);
      if (name === undefined) known.set(id, (name = this.#nameFor(id, host, nodes)));
      return name;
    };
    const changed = new Set<Node>();
    const scoped = new Map<string, Node>();
    for (const node of nodes.values()) {
      const one = renameNode(node, rename);
      if (one !== node) changed.add(one);
      scoped.set(one.id, one);
    }
    if (changed.size === 0) return { report, changed };
    const endpoint = { ...report.topologies.get('Endpoint'), nodes: scoped };
    return {
      report: { ...report, topologies: new Map(report.topologies).set('Endpoint', endpoint) },
      changed,
    };
  }

  #nameFor(id: string, host: string, nodes: ReadonlyMap<string, Node>): string {
    if (!isGlobal(id)) return id;
    const isOwn = ownerOf(nodes.get(id)) === host || this.#isOwnedBy(id, host);
    const isForeign = this.#second.has(keyOf(host, id))
      ? true
      : !isOwn && (this.#contested.has(id) || this.#isElsewhere(id, host));
    if (!isForeign) return id;
    const { address, port } = parseEndpointNodeId(id) ?? { address: '', port: '' };
    return endpointNodeId(hostScope(hostNameOf(host)), address, port);
  }

  /** All who own it are in other networks than this host, though of the same addresses. */
  #isElsewhere(id: string, host: string): boolean {
    const address = parseEndpointNodeId(id)?.address;
    if (address === undefined || !this.#networks.mayBeApart(host, address)) return false;
    const owners = new Set(this.#endpoints.said(id).map(ownerOf));
    owners.delete(undefined);
    return owners.size > 0 && [...owners].every((owner) => this.#networks.areApart(host, owner!, address));
  }

  #isOwnedBy(id: string, host: string): boolean {
    return this.#endpoints.said(id).some((node) => ownerOf(node) === host);
  }

  #isOwnedByOther(id: string, host: string): boolean {
    return this.#endpoints.said(id).some((node) => (ownerOf(node) ?? host) !== host);
  }
}

/** `;address;port`: not told to be of one host already. */
function isGlobal(id: string): boolean {
  return id.startsWith(';');
}

function keyOf(host: string, id: string): string {
  return `${host}\n${id}`;
}

/** Node id of the host whose process has the endpoint; a copy under a translated address is nobody's own. */
function ownerOf(node: Node | undefined): string | undefined {
  return latestOf(node, 'copy_of') === undefined ? latestOf(node, 'host_node_id') : undefined;
}

/** Node id of the host that reports. Probes tell of their own one; what tells of several was merged before. */
function hostOf(report: Report): string | undefined {
  const hosts = report.topologies.get('Host')?.nodes;
  return hosts?.size === 1 ? hosts.keys().next().value : undefined;
}

/** The node itself when nothing in it is renamed. */
function renameNode(node: Node, rename: (id: string) => string): Node {
  const id = rename(node.id);
  const adjacency = node.adjacency?.map(rename);
  const copy = node.latest?.get('copy_of');
  const real = copy && rename(copy.value);
  const isSame =
    id === node.id &&
    real === copy?.value &&
    (adjacency === undefined || adjacency.every((to, i) => to === node.adjacency![i]));
  if (isSame) return node;
  return {
    ...node,
    id,
    ...(adjacency && { adjacency: adjacency.sort() }),
    ...(copy &&
      real !== undefined && { latest: new Map(node.latest).set('copy_of', { ...copy, value: real }) }),
  };
}
