/**
 * Endpoints that open connections, grouped by everything views look at: owner, address and peers.
 *
 * A fleet has hundreds of thousands of client ports but few pairs of who talks to whom. Views walk the groups, so
 * their cost follows the picture and not the number of sockets. A change of one endpoint costs that endpoint only.
 */
import { parseEndpointNodeId } from '../../report/model/node-ids.js';
import type { Node } from '../../report/model/model.js';
import { isClientsView, type BothEnds } from './both-ends.js';
import { latestOf } from './endpoint.js';
import {
  addToTally,
  addTotals,
  noConnections,
  totalsOf,
  type ConnectionTotals,
  type Tally,
} from './totals.js';

export interface ClientGroup {
  readonly hostNode: string | undefined;
  readonly pid: string | undefined;
  /** PID at the other end, told where several processes serve its port. */
  readonly toPid: string | undefined;
  readonly scope: string;
  readonly address: string;
  /** Sorted ids of the endpoints these connect to; never empty. */
  readonly adjacency: readonly string[];
  readonly totals: ConnectionTotals;
  /** The same connections by the count of the probes beside the client, and of those beside the server. */
  readonly byClient: ConnectionTotals;
  readonly byServer: ConnectionTotals;
  /** NAT copies only: the id of each copy → the endpoint it copies. Others are not listed. */
  readonly copies: Map<string, string> | undefined;
  /** Failed connects by reason. */
  readonly failures: Tally;
  /** Connections by how their direction, and the client's PID, are known. */
  readonly directionEvidence: Tally;
  readonly pidEvidence: Tally;
  /** Endpoints in the group. */
  members: number;
}

interface Member {
  readonly node: Node;
  readonly group: ClientGroup;
  readonly key: string;
  /** Where the two ends' probes both speak of it. */
  views: BothEnds | undefined;
}

export class ClientGroups {
  /** Bounded by the window's bound on nodes: one entry per stored endpoint. */
  readonly #members = new Map<string, Member>();
  readonly #groups = new Map<string, ClientGroup>();
  readonly #sinks = new Map<string, Node>();
  /** Address → endpoints at it that some probe owns. */
  readonly #owned = new Map<string, number>();

  /** Groups of endpoints that open connections. */
  get groups(): Iterable<ClientGroup> {
    return this.#groups.values();
  }

  /** Endpoints that open none, by id. */
  get sinks(): ReadonlyMap<string, Node> {
    return this.#sinks;
  }

  /** Whether some probe owns an endpoint at this address. */
  isOwned(address: string): boolean {
    return this.#owned.has(address);
  }

  /** Adds an endpoint, or replaces the one of this id. */
  set(id: string, node: Node): void {
    this.delete(id);
    const parsed = parseEndpointNodeId(id);
    if (parsed === undefined) return;
    this.#countOwned(id, node, 1);
    const adjacency = node.adjacency ?? [];
    if (adjacency.length === 0) {
      this.#sinks.set(id, node);
      return;
    }
    const hostNode = latestOf(node, 'host_node_id');
    const pid = latestOf(node, 'pid');
    const toPid = latestOf(node, 'to_pid');
    const copyOf = latestOf(node, 'copy_of');
    const key = [
      hostNode ?? '',
      pid ?? '',
      toPid ?? '',
      parsed.scope,
      parsed.address,
      copyOf === undefined ? '' : 'copy',
      ...adjacency,
    ].join('\n');
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        hostNode,
        pid,
        toPid,
        scope: parsed.scope,
        address: parsed.address,
        adjacency,
        totals: noConnections(),
        byClient: noConnections(),
        byServer: noConnections(),
        copies: copyOf === undefined ? undefined : new Map(),
        failures: new Map(),
        directionEvidence: new Map(),
        pidEvidence: new Map(),
        members: 0,
      };
      this.#groups.set(key, group);
    }
    const member: Member = { node, group, key, views: undefined };
    this.#members.set(id, member);
    group.members++;
    if (copyOf !== undefined) group.copies?.set(id, copyOf);
    count(member, 1);
    countViews(member, 1);
  }

  /** Notes what each end's probes say of an endpoint; undefined when only one end's do. */
  setViews(id: string, views: BothEnds | undefined): void {
    const member = this.#members.get(id);
    if (member === undefined || (views === undefined && member.views === undefined)) return;
    countViews(member, -1);
    member.views = views;
    countViews(member, 1);
  }

  delete(id: string): void {
    const member = this.#members.get(id);
    const node = member?.node ?? this.#sinks.get(id);
    if (node !== undefined) this.#countOwned(id, node, -1);
    this.#sinks.delete(id);
    if (member === undefined) return;
    this.#members.delete(id);
    const { group } = member;
    group.members--;
    group.copies?.delete(id);
    count(member, -1);
    countViews(member, -1);
    if (group.members === 0) this.#groups.delete(member.key);
  }

  #countOwned(id: string, node: Node, sign: 1 | -1): void {
    const address = latestOf(node, 'host_node_id') && parseEndpointNodeId(id)?.address;
    if (address === undefined) return;
    const count = (this.#owned.get(address) ?? 0) + sign;
    if (count > 0) this.#owned.set(address, count);
    else this.#owned.delete(address);
  }
}

function count({ group, node }: Member, sign: 1 | -1): void {
  const totals = totalsOf(node);
  addTotals(group.totals, totals, sign);
  if (totals.failed > 0)
    addToTally(group.failures, latestOf(node, 'failed_reason') ?? 'unknown', sign * totals.failed);
  if (totals.connections === 0) return;
  const direction = latestOf(node, 'direction_evidence');
  const pid = latestOf(node, 'pid_evidence');
  if (direction !== undefined) addToTally(group.directionEvidence, direction, sign * totals.connections);
  if (pid !== undefined) addToTally(group.pidEvidence, pid, sign * totals.connections);
}

function countViews({ group, node, views }: Member, sign: 1 | -1): void {
  if (views === undefined) {
    addTotals(isClientsView(node) ? group.byClient : group.byServer, totalsOf(node), sign);
    return;
  }
  addTotals(group.byClient, totalsOf(views.client), sign);
  addTotals(group.byServer, totalsOf(views.server), sign);
}
