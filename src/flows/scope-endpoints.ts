/**
 * Flows in Scope's form: endpoint nodes, made from a report's rows, for apps that read no other form. An endpoint is an
 * address and a port, so a few client ports of each row represent all of its connections; see `choosePorts`. Counts add up
 * to the row's exactly. The same rows in any order make the same nodes.
 */
import type { FlowRow } from '../report/model/flow-row.js';
import type { Node, Timestamp, Topology } from '../report/model/model.js';
import { choosePorts } from './scope-form/choose-ports.js';
import { EndpointDrafts, type DraftEnd } from './scope-form/endpoint-drafts.js';
import { NatCopies } from './scope-form/nat-copies.js';
import { PortlessIds } from './scope-form/portless-ids.js';
import { compareEdges, RowEdge, type EndpointSource } from './scope-form/row-edge.js';
import { shareOut } from './scope-form/shares.js';
import { translationsOfEdge, translationsOfFlow, type TranslatedFlow } from './scope-form/translations.js';

export type { EndpointSource, TranslatedFlow };

export interface ScopeFormOptions {
  /** The host of ends without one. Default: none; such ends have no process in Scope's form. */
  readonly hostName?: string | undefined;
  readonly now: Timestamp;
  /** NAT that the rows do not have: forwarded connections, and translated sources. Default: none. */
  readonly translated?: readonly TranslatedFlow[] | undefined;
}

export interface ScopeEndpoints {
  readonly topology: Topology;
  /** The sum of the nodes' counts. */
  readonly connections: number;
  readonly failed: number;
  /** Client endpoints that represent them. */
  readonly kept: number;
  /** Rows without a node, because they have no addresses. */
  readonly leftOut: { readonly rows: number; readonly connections: number; readonly failed: number };
  /** Endpoints under translated addresses, and those over the limit. */
  readonly copies: number;
  readonly copiesDropped: number;
}

export function endpointTopology(rows: readonly EndpointSource[], options: ScopeFormOptions): ScopeEndpoints {
  const { hostName = '', now, translated = [] } = options;
  const edges = rows.filter(hasActivity).map((row) => new RowEdge(row, hostName));
  const form = new ScopeForm(now, edges);
  for (const group of byClient(edges).values()) {
    if (group[0]!.row.client.address === '') form.leaveOut(group);
    else form.addClient(group);
  }
  const nodes = form.build();
  const nat = copiesOf(nodes, edges, translated, options);
  for (const [id, node] of nat.nodes) nodes.set(id, node);
  const { connections, failed, kept, leftOut } = form;
  return {
    topology: { nodes },
    connections,
    failed,
    kept,
    leftOut,
    copies: nat.copies,
    copiesDropped: nat.dropped,
  };
}

/** The same rows and flows give the same order. Of several servers at a dialled address the busiest comes first. */
function copiesOf(
  nodes: ReadonlyMap<string, Node>,
  edges: readonly RowEdge[],
  translated: readonly TranslatedFlow[],
  { hostName = '', now }: ScopeFormOptions,
): NatCopies {
  const nat = new NatCopies(nodes, now);
  const dialled = edges.filter(({ row }) => (row.via ?? '') !== '');
  dialled.sort((a, b) => b.row.connections - a.row.connections || compareEdges(a, b));
  for (const { row, scopes, server, clients } of dialled) {
    const host = row.client.host ?? row.server.host ?? hostName;
    const clientIds = clients.map(({ id }) => id);
    const edge = { scopes, host, via: row.via ?? '', serverId: server.id, clientIds };
    for (const one of translationsOfEdge(edge)) nat.add(one);
  }
  if (translated.length === 0) return nat;
  const pairs = new Set(edges.map(({ clientAddress, server }) => `${clientAddress}\n${server.id}`));
  const hasEnd = (clientAddress: string, serverId: string): boolean =>
    pairs.has(`${clientAddress}\n${serverId}`);
  const texts = translated.map((flow) => ({ flow, text: JSON.stringify(flow) }));
  texts.sort((a, b) => (a.text < b.text ? -1 : 1));
  for (const { flow } of texts) for (const one of translationsOfFlow(flow, hostName, hasEnd)) nat.add(one);
  return nat;
}

/** Whether the row has anything in the report's time. */
function hasActivity({ connections, failed }: FlowRow): boolean {
  return connections > 0 || Object.values(failed).some((count) => count > 0);
}

function byClient(edges: readonly RowEdge[]): Map<string, RowEdge[]> {
  const groups = new Map<string, RowEdge[]>();
  for (const edge of edges) {
    const group = groups.get(edge.clientAddress);
    if (group === undefined) groups.set(edge.clientAddress, [edge]);
    else group.push(edge);
  }
  for (const group of groups.values()) if (group.length > 1) group.sort(compareEdges);
  return groups;
}

class ScopeForm {
  connections = 0;
  failed = 0;
  kept = 0;
  readonly leftOut = { rows: 0, connections: 0, failed: 0 };
  readonly #drafts: EndpointDrafts;
  /** Ports of servers, by the prefix of their ids. */
  readonly #serverPorts = new Map<string, Set<number>>();

  constructor(now: Timestamp, edges: readonly RowEdge[]) {
    this.#drafts = new EndpointDrafts(now);
    for (const { scopes, row } of edges) {
      const address = `${scopes.server};${row.server.address}`;
      const ports = this.#serverPorts.get(address);
      if (ports === undefined) this.#serverPorts.set(address, new Set([row.server.port]));
      else ports.add(row.server.port);
    }
  }

  /** @param edges all from one client address */
  addClient(edges: readonly RowEdge[]): void {
    const withPorts = edges.filter(({ ports }) => ports.length > 0);
    const taken = this.#serverPorts.get(edges[0]!.clientAddress);
    const kept = choosePorts(withPorts, (port) => taken?.has(port) === true);
    for (const [i, edge] of withPorts.entries()) this.#add(edge, kept[i]!);
    if (withPorts.length === edges.length) return;
    const ids = new PortlessIds();
    for (const edge of edges) {
      if (edge.ports.length > 0) continue;
      const count = edge.row.connections > 0 ? 1 : edge.atMost;
      this.#add(edge, ids.of(edge.identity, count));
    }
  }

  /** Counts rows without a node. */
  leaveOut(edges: readonly RowEdge[]): void {
    for (const { row, failed } of edges) {
      this.leftOut.rows++;
      this.leftOut.connections += row.connections;
      this.leftOut.failed += failed;
    }
  }

  build(): Map<string, Node> {
    return this.#drafts.build();
  }

  #add(edge: RowEdge, kept: readonly number[]): void {
    const { row, server, failures } = edge;
    this.kept += kept.length;
    this.connections += row.connections;
    this.failed += edge.failed;
    this.#drafts.addServer(server, row.connections);
    const clients = kept.map((port) => edge.clientAt(port));
    edge.clients = clients;
    if (row.connections > 0) this.#addConnections(edge, kept, clients);
    for (const [i, [reason, count]] of failures.entries())
      this.#drafts.addFailure(clients[i % clients.length]!, server.id, reason, count);
  }

  #addConnections(edge: RowEdge, kept: readonly number[], clients: readonly DraftEnd[]): void {
    const { row, server } = edge;
    const counts = edge.standsFor(kept);
    const share = (total: number): number[] => (total === 0 ? counts.map(() => 0) : shareOut(total, counts));
    const fresh = share(Math.min(row.fresh ?? row.connections, row.connections));
    const traffic = row.lifetime ?? row;
    const [sent, received] = [share(traffic.bytesSent), share(traffic.bytesReceived)];
    const retransmits = share(traffic.retransmits);
    for (const [i, client] of clients.entries()) {
      this.#drafts.addEdge(client, server, {
        connections: counts[i]!,
        fresh: fresh[i]!,
        bytesSent: sent[i]!,
        bytesReceived: received[i]!,
        retransmits: retransmits[i]!,
        rttMicros: row.rttMicros,
        connectMicros: row.connectMicros,
        direction: row.evidence.direction ?? 'none',
      });
    }
  }
}
