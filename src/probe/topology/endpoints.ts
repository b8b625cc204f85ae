/**
 * The endpoint topology of one report: a batch of flat records becomes endpoint nodes with adjacency, thinned so that
 * their number depends on who talks to whom, not on how many connections they made.
 */
import type { DnsNames, Topology } from '../../report/model/model.js';
import { endpointNodeId } from '../../report/model/node-ids.js';
import { addressSpaces } from './address-spaces.js';
import { isLoopbackAddress } from '../records/address.js';
import { Arena } from '../records/arena.js';
import { EndpointNodes, type AddressScope, type EndpointContext } from './endpoint-nodes.js';
import { resolveEnds, type Ends } from './ends.js';
import { failedConnects, keyOf } from './failed-connects.js';
import { groupRecords, NONE, type Grouping } from './grouping.js';
import type { LastListeners } from './last-listeners.js';
import { mergeMirroredEntries } from './merge-mirrored-entries.js';
import { distinctClients } from './distinct-clients.js';
import { Flag, OFFSET, PidEvidence, RECORD_BYTES } from '../records/record.js';
import { RecordView, type RecordBatch } from '../records/record-view.js';
import { holdersOfEntries, type EntryHolders } from './socket-holders.js';
import { NO_HOLDERS, type HolderBatch } from '../records/holder.js';
import { sumEdges, type EdgeSums } from './edge-sums.js';
import { keepAll, thin, thinningModulus } from './thinning.js';

export interface EndpointInput extends RecordBatch, EndpointContext {
  /** The records are of the same sockets as in the last call, in the same memory; only counters differ. */
  readonly sameSockets?: boolean;
  /** As of `Snapshot.listenersListed`; default false. */
  readonly listenersListed?: boolean;
  /** Default: nobody shares a socket. */
  readonly holders?: HolderBatch;
  /** Addresses that several network namespaces of this host have, four words each. Default: none. */
  readonly sharedAddresses?: readonly Int32Array[];
  /** Who listened on this host. Default: nobody knows. */
  readonly listeners?: LastListeners;
  /** Start of the process that has a PID now, in clock ticks after boot. */
  readonly startTicksOf?: (pid: number) => number | undefined;
}

export interface EndpointStats {
  /** Connections in the batch, thinned ones included: what the `conn_count`s add up to. */
  readonly connections: number;
  /** Connections that became an edge of their own. */
  readonly kept: number;
  readonly groups: number;
  readonly listeners: number;
  /** Connects that never were established. */
  readonly failed: number;
  /** Those of them that are on no edge, because a report has room for so many only. */
  readonly failedDropped: number;
}

export interface Endpoints {
  readonly topology: Topology;
  /** Every address that was asked for, and the names that were known. */
  readonly addresses: ReadonlySet<string>;
  readonly dns: ReadonlyMap<string, DnsNames>;
  readonly stats: EndpointStats;
}

/** What was grouped in it stays until something else is grouped. */
const arena = new Arena();
/** For the sums of one call of `buildEndpoints`. */
const sums = new Arena();

/** The last batch that was grouped. */
let grouped:
  (ThinnedGroups & { readonly records: ArrayBuffer; readonly listenersListed: boolean }) | undefined;

/**
 * Groups the records by (namespace, from, to, to port), joins both ends of local connections, thins each group and
 * makes nodes of what is kept. The result does not depend on the order of the records.
 * @throws RangeError when the buffer is shorter than `recordCount` says
 */
export function buildEndpoints(input: EndpointInput): Endpoints {
  const view = new RecordView(input);
  const { sameSockets, records, listenersListed = false } = input;
  const isGrouped = grouped?.records === records && grouped.listenersListed === listenersListed;
  const { grouping, ends, standIn } =
    sameSockets === true && isGrouped ? grouped! : groupAndThin(view, listenersListed, input.sharedAddresses);
  sums.begin();
  const edgeSums = sumEdges(view, grouping, ends, standIn, sums);
  const { holders = NO_HOLDERS, startTicksOf } = input;
  const shared = holdersOfEntries(view, grouping, standIn, holders, startTicksOf);
  const nodes = new EndpointNodes(input);
  let connections = 0;
  let kept = 0;
  const edges = new EdgeMaker(nodes, view, grouping, ends, edgeSums);
  for (let group = 0; group < grouping.table.count; group++) {
    edges.beginGroup(group);
    for (let entry = grouping.entryStart[group]!; entry < grouping.entryStart[group + 1]!; entry++) {
      if (standIn[entry] !== entry) continue;
      kept++;
      connections += edgeSums.counts[entry]!;
      edges.add(entry);
      if (shared !== undefined) edges.addHolders(entry, shared);
    }
  }
  const failedDropped = addFailures(nodes, view, grouping.failed + grouping.waiting, input.listeners);
  const { table, listeners, failed } = grouping;
  return {
    topology: { nodes: nodes.build() },
    addresses: nodes.addresses,
    dns: nodes.dns,
    stats: { connections, kept, groups: table.count, listeners, failed, failedDropped },
  };
}

export interface ThinnedGroups {
  readonly grouping: Grouping;
  readonly ends: Ends;
  /** For each entry the one that is kept for it. */
  readonly standIn: Int32Array;
}

/** The first half of `buildEndpoints`: no nodes yet. The result is valid until the next call. */
export function groupAndThin(
  view: RecordView,
  listenersListed = false,
  shared: readonly Int32Array[] = [],
): ThinnedGroups {
  grouped = undefined;
  arena.begin();
  const grouping = groupRecords(view, arena, { listenersListed, spaces: addressSpaces(view, shared) });
  mergeMirroredEntries(grouping, arena);
  const ends = resolveEnds(view, grouping, arena);
  const standIn = thinGroups(grouping, ends, arena);
  distinctClients(grouping, standIn);
  grouped = { grouping, ends, standIn, records: view.bytes.buffer, listenersListed };
  return grouped;
}

function thinGroups(
  { table, entryStart, entryCount, ports }: Grouping,
  ends: Ends,
  arena: Arena,
): Int32Array {
  const standIn = arena.int32(entryCount);
  for (let group = 0; group < table.count; group++) {
    const from = entryStart[group]!;
    const to = entryStart[group + 1]!;
    if (isUniform(ends, from, to)) {
      thin(ports, from, to, thinningModulus(ports, from, to), standIn);
    } else {
      keepAll(from, to, standIn);
    }
  }
  return standIn;
}

/** Whether all entries have the same pair of processes: only then is one as good as another. */
function isUniform({ fromPids, toPids, mixed }: Ends, from: number, to: number): boolean {
  for (let entry = from; entry < to; entry++) {
    if (fromPids[entry] !== fromPids[from] || toPids[entry] !== toPids[from] || mixed[entry] === 1)
      return false;
  }
  return true;
}

/** Makes the edges of one group after the other: what they have in common is made once. */
class EdgeMaker {
  #from: AddressScope = { scope: '', address: '' };
  #to = '';

  constructor(
    private readonly nodes: EndpointNodes,
    private readonly view: RecordView,
    private readonly grouping: Grouping,
    private readonly ends: Ends,
    private readonly edgeSums: EdgeSums,
  ) {}

  beginGroup(group: number): void {
    const { keys } = this.grouping.table;
    const { from, to, toPort, netns: at } = keyOf(group);
    const netns = keys[at]! >>> 0;
    const isSpace = netns !== 0 && !isLoopbackAddress(keys, from) && !isLoopbackAddress(keys, to);
    this.#from = this.nodes.scopeOf(keys, from, netns, isSpace);
    this.#to = endpointIdOf(this.nodes.scopeOf(keys, to, netns, isSpace), keys[toPort]!);
  }

  add(entry: number): void {
    const { view, grouping, ends, edgeSums } = this;
    const client = grouping.clients[entry]!;
    const server = grouping.servers[entry]!;
    const from = {
      id: endpointIdOf(this.#from, grouping.ports[entry]!),
      pid: ends.fromPids[entry]!,
      pidEvidence: pidEvidenceOf(view, grouping, client),
    };
    const to = {
      id: this.#to,
      pid: ends.toPids[entry]!,
      // A socket connected to itself has its one record on the client's side.
      pidEvidence: pidEvidenceOf(view, grouping, server === NONE ? client : server),
    };
    this.nodes.addEdge(from, to, grouping.evidence[entry]!, {
      connections: edgeSums.counts[entry]!,
      fresh: Math.max(0, edgeSums.counts[entry]! - edgeSums.reported[entry]!),
      bytesSent: edgeSums.bytesSent[entry]!,
      bytesReceived: edgeSums.bytesReceived[entry]!,
      retransmits: edgeSums.retransmits[entry]!,
      rttSum: edgeSums.rttSum[entry]!,
      rttCount: edgeSums.rttCount[entry]!,
      connectSum: edgeSums.connectSum[entry]!,
      connectCount: edgeSums.connectCount[entry]!,
      subflows: Math.max(subflowsOf(view, grouping, client), subflowsOf(view, grouping, server)),
    });
  }

  addHolders(entry: number, { clients, servers, listeners }: EntryHolders): void {
    const client = clients.get(entry);
    const server = servers.get(entry);
    const listener = listeners.get(entry);
    if (client) {
      this.nodes.addHolders(endpointIdOf(this.#from, this.grouping.ports[entry]!), 'holder_pids', client);
    }
    if (server) this.nodes.addHolders(this.#to, 'holder_pids', server);
    if (listener) this.nodes.addHolders(this.#to, 'listener_pids', listener);
  }
}

function endpointIdOf({ scope, address }: AddressScope, port: number): string {
  return endpointNodeId(scope, address, port);
}

/** The most that a connection of an end goes over; 0 where none of them is MPTCP's. */
function subflowsOf({ bytes }: RecordView, grouping: Grouping, head: number): number {
  let most = 0;
  for (let record = head; record !== NONE; record = grouping.next[record]!) {
    const at = record * RECORD_BYTES;
    if ((bytes[at + OFFSET.flags]! & Flag.Mptcp) !== 0)
      most = Math.max(most, 1 + bytes[at + OFFSET.subflows]!);
  }
  return most;
}

/** The best evidence for the PID among an end's records. */
function pidEvidenceOf({ bytes }: RecordView, grouping: Grouping, head: number): number {
  let best: number = PidEvidence.None;
  for (let record = head; record !== NONE; record = grouping.next[record]!) {
    best = Math.max(best, bytes[record * RECORD_BYTES + OFFSET.pidEvidence]!);
  }
  return best;
}

/** Returns how many had no room. */
function addFailures(
  nodes: EndpointNodes,
  view: RecordView,
  failed: number,
  listeners: LastListeners | undefined,
): number {
  if (failed === 0) return 0;
  const { table, connects, dropped } = failedConnects(view, sums);
  const { keys } = table;
  for (const { group, pid, ports, count, reason } of connects) {
    const key = keyOf(group);
    const netns = keys[key.netns]! >>> 0;
    const from = nodes.scopeOf(keys, key.from, netns);
    const scope = nodes.scopeOf(keys, key.to, netns);
    const toPort = keys[key.toPort]!;
    const to = endpointIdOf(scope, toPort);
    // A port that leads elsewhere too would leave open which process dials which.
    const ids = ports.map((port) => endpointIdOf(from, port));
    const id = ids.find((candidate) => !nodes.leadsElsewhere(candidate, to)) ?? ids[0]!;
    nodes.addFailed({ id, pid, pidEvidence: PidEvidence.Connect }, to, count, reason);
    nodes.addLastListener(to, listeners?.find(scope.address, keys, key.to, toPort, netns));
  }
  return dropped;
}
