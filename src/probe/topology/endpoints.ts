/**
 * The endpoint topology of one report: a batch of flat records becomes endpoint nodes with adjacency, thinned so that
 * their number depends on who talks to whom, not on how many connections they made.
 */
import type { DnsNames, Topology } from '../../report/model.js';
import { EndpointNodes, type EndpointContext } from './endpoint-nodes.js';
import { resolveEnds, type Ends } from './ends.js';
import { failedConnects, keyOf } from './failed-connects.js';
import { groupRecords, NONE, type Grouping } from './grouping.js';
import { joinMirrored } from './mirrored.js';
import { OFFSET, PidEvidence, RECORD_BYTES } from './record.js';
import { RecordView, type RecordBatch } from './record-view.js';
import { tally, type Tallies } from './tallies.js';
import { KEEP_AT_MOST, thin, thinningModulus } from './thinning.js';

export interface EndpointInput extends RecordBatch, EndpointContext {}

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
  readonly dns: ReadonlyMap<string, DnsNames>;
  readonly stats: EndpointStats;
}

/**
 * Groups the records by (namespace, from, to, to port), joins both ends of local connections, thins each group and
 * makes nodes of what is kept. The result does not depend on the order of the records.
 * @throws RangeError when the buffer is shorter than `recordCount` says
 */
export function buildEndpoints(input: EndpointInput): Endpoints {
  const view = new RecordView(input);
  const grouping = joinMirrored(groupRecords(view));
  const ends = resolveEnds(view, grouping);
  const standIn = thinGroups(grouping, ends);
  const tallies = tally(view, grouping, ends, standIn);
  const nodes = new EndpointNodes(input);
  let connections = 0;
  let kept = 0;
  for (let group = 0; group < grouping.table.count; group++) {
    for (let entry = grouping.entryStart[group]!; entry < grouping.entryStart[group + 1]!; entry++) {
      if (standIn[entry] !== entry) continue;
      kept++;
      connections += tallies.counts[entry]!;
      addEdge(nodes, view, grouping, group, entry, ends, tallies);
    }
  }
  const failedDropped = addFailures(nodes, view, grouping.failed);
  const { table, listeners, failed } = grouping;
  return {
    topology: { nodes: nodes.build() },
    dns: nodes.dns,
    stats: { connections, kept, groups: table.count, listeners, failed, failedDropped },
  };
}

/** For each entry the one that is kept for it. */
export function thinGroups({ table, entryStart, entryCount, ports }: Grouping, ends: Ends): Int32Array {
  const standIn = new Int32Array(entryCount);
  for (let group = 0; group < table.count; group++) {
    const from = entryStart[group]!;
    const to = entryStart[group + 1]!;
    if (isUniform(ends, from, to)) {
      thin(ports, from, to, thinningModulus(ports, from, to), KEEP_AT_MOST, standIn);
    } else {
      thin(ports, from, to, 1, Infinity, standIn);
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

function addEdge(
  nodes: EndpointNodes,
  view: RecordView,
  grouping: Grouping,
  group: number,
  entry: number,
  ends: Ends,
  tallies: Tallies,
): void {
  const { keys } = grouping.table;
  const key = keyOf(group);
  const netns = keys[key.netns]! >>> 0;
  const client = grouping.clients[entry]!;
  const server = grouping.servers[entry]!;
  nodes.addEdge(
    {
      id: nodes.idOf(keys, key.from, grouping.ports[entry]!, netns),
      pid: ends.fromPids[entry]!,
      pidEvidence: pidEvidenceOf(view, grouping, client),
    },
    {
      id: nodes.idOf(keys, key.to, keys[key.toPort]!, netns),
      pid: ends.toPids[entry]!,
      // A socket connected to itself has its one record on the client's side.
      pidEvidence: pidEvidenceOf(view, grouping, server === NONE ? client : server),
    },
    grouping.evidence[entry]!,
    {
      connections: tallies.counts[entry]!,
      fresh: Math.max(0, tallies.counts[entry]! - tallies.reported[entry]!),
      bytesSent: tallies.bytesSent[entry]!,
      bytesReceived: tallies.bytesReceived[entry]!,
      retransmits: tallies.retransmits[entry]!,
      rttSum: tallies.rttSum[entry]!,
      rttCount: tallies.rttCount[entry]!,
      connectSum: tallies.connectSum[entry]!,
      connectCount: tallies.connectCount[entry]!,
    },
  );
}

/** The best evidence for the PID among an end's records. */
function pidEvidenceOf({ bytes }: RecordView, { records, next }: Grouping, head: number): number {
  let best: number = PidEvidence.None;
  for (let at = head; at !== NONE; at = next[at]!) {
    best = Math.max(best, bytes[records[at]! * RECORD_BYTES + OFFSET.pidEvidence]!);
  }
  return best;
}

/** Returns how many had no room. */
function addFailures(nodes: EndpointNodes, view: RecordView, failed: number): number {
  if (failed === 0) return 0;
  const { table, connects, dropped } = failedConnects(view);
  const { keys } = table;
  for (const { group, pid, port, count, reason } of connects) {
    const key = keyOf(group);
    const netns = keys[key.netns]! >>> 0;
    const from = { id: nodes.idOf(keys, key.from, port, netns), pid, pidEvidence: PidEvidence.Connect };
    nodes.addFailed(from, nodes.idOf(keys, key.to, keys[key.toPort]!, netns), count, reason);
  }
  return dropped;
}
