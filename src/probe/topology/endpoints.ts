/**
 * The endpoint topology of one report: a batch of flat records becomes endpoint nodes with adjacency, thinned so that
 * their number depends on who talks to whom, not on how many connections they made.
 */
import { endpointNodeId, hostNodeId, hostScope, loopbackScope } from '../../report/node-ids.js';
import type { DnsNames, Latest, Node, Timestamp, Topology } from '../../report/model.js';
import { addressText, isLinkLocalAddress, isLoopbackAddress } from './address.js';
import { resolveEnds, type Ends } from './ends.js';
import { KEY, KEY_WORDS } from './group-table.js';
import { groupRecords, type Grouping } from './grouping.js';
import { joinMirrored } from './mirrored.js';
import { RecordView, type RecordBatch } from './record-view.js';
import { KEEP_AT_MOST, thin, thinningModulus } from './thinning.js';

export interface EndpointInput extends RecordBatch {
  readonly hostName: string;
  readonly now: Timestamp;
  /** Names known now for an address; asked once per address and report. */
  readonly names: (address: string) => DnsNames | undefined;
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
  const nodes = new EndpointNodes(input);
  let connections = 0;
  let kept = 0;
  for (let group = 0; group < grouping.table.count; group++) {
    const from = grouping.entryStart[group]!;
    const to = grouping.entryStart[group + 1]!;
    if (from === to) continue;
    const [modulus, atMost] = isUniform(ends, from, to)
      ? [thinningModulus(grouping.ports, from, to), KEEP_AT_MOST]
      : [1, Infinity];
    thin(grouping.ports, ends.weights, from, to, modulus, atMost, (entry, count) => {
      kept++;
      connections += count;
      nodes.addEdge(grouping, group, entry, ends, count);
    });
  }
  const { listeners, failed } = grouping;
  return {
    topology: { nodes: nodes.build() },
    dns: nodes.dns,
    stats: { connections, kept, groups: grouping.table.count, listeners, failed },
  };
}

/** Whether all entries have the same pair of processes: only then is one as good as another. */
function isUniform({ fromPids, toPids, mixed }: Ends, from: number, to: number): boolean {
  for (let entry = from; entry < to; entry++) {
    if (fromPids[entry] !== fromPids[from] || toPids[entry] !== toPids[from] || mixed[entry] === 1)
      return false;
  }
  return true;
}

interface EndpointDraft {
  /** PID → connections it was seen with at this endpoint. */
  readonly pids: Map<number, number>;
  /** Connections opened from here, over all edges. */
  opened: number;
  readonly adjacency: string[];
}

interface ScopedAddress {
  readonly scope: string;
  readonly text: string;
}

/** Endpoint nodes under construction, and the names of their addresses. */
class EndpointNodes {
  readonly dns = new Map<string, DnsNames>();
  readonly #drafts = new Map<string, EndpointDraft>();
  readonly #asked = new Set<string>();

  constructor(private readonly input: EndpointInput) {}

  addEdge({ table, ports }: Grouping, group: number, entry: number, ends: Ends, count: number): void {
    const at = group * KEY_WORDS;
    const { keys } = table;
    const netns = keys[at + KEY.netns]! >>> 0;
    const fromAddress = this.#address(keys, at + KEY.fromAddress, netns);
    const toAddress = this.#address(keys, at + KEY.toAddress, netns);
    const fromId = endpointNodeId(fromAddress.scope, fromAddress.text, ports[entry]!);
    const toId = endpointNodeId(toAddress.scope, toAddress.text, keys[at + KEY.toPort]!);
    const from = this.#draft(fromId, ends.fromPids[entry]!, count);
    this.#draft(toId, ends.toPids[entry]!, count);
    from.opened += count;
    from.adjacency.push(toId);
  }

  build(): Map<string, Node> {
    const { hostName, now } = this.input;
    const host: Latest = { timestamp: now, value: hostNodeId(hostName) };
    const nodes = new Map<string, Node>();
    for (const [id, { pids, opened, adjacency }] of this.#drafts) {
      const latest = new Map<string, Latest>();
      if (pids.size > 0) {
        latest.set('pid', { timestamp: now, value: String(mostSeen(pids)) });
        latest.set('host_node_id', host);
      }
      if (opened > 1) latest.set('conn_count', { timestamp: now, value: String(opened) });
      nodes.set(id, {
        id,
        topology: 'endpoint',
        ...(latest.size > 0 && { latest }),
        ...(adjacency.length > 0 && { adjacency: adjacency.sort() }),
      });
    }
    return nodes;
  }

  #draft(id: string, pid: number, count: number): EndpointDraft {
    let draft = this.#drafts.get(id);
    if (draft === undefined) this.#drafts.set(id, (draft = { pids: new Map(), opened: 0, adjacency: [] }));
    if (pid !== 0) draft.pids.set(pid, (draft.pids.get(pid) ?? 0) + count);
    return draft;
  }

  #address(words: Int32Array, at: number, netns: number): ScopedAddress {
    const { hostName, names } = this.input;
    const text = addressText(words, at);
    if (!this.#asked.has(text)) {
      this.#asked.add(text);
      const known = names(text);
      if (known !== undefined) this.dns.set(text, known);
    }
    if (isLoopbackAddress(words, at)) return { scope: loopbackScope(hostName, netns), text };
    return { scope: isLinkLocalAddress(words, at) ? hostScope(hostName) : '', text };
  }
}

/** A listening port can have several processes behind it; the node has room for one: the one seen most, then the lowest. */
function mostSeen(pids: ReadonlyMap<number, number>): number {
  let best = 0;
  let most = 0;
  for (const [pid, count] of pids) {
    if (count > most || (count === most && pid < best)) [best, most] = [pid, count];
  }
  return best;
}
