/**
 * Endpoint nodes under construction. What Scope does not know rides in extra `latest` keys, which it ignores:
 *
 *   on the client's endpoint  `bytes_sent` `bytes_received` `retransmits` (sums over all connections it stands for),
 *                             `rtt_us` `connect_us` (means over those that were measured), `direction_evidence`,
 *                             `conn_new` (how many of `conn_count` no earlier report had; absent: all),
 *                             `to_pid` (where several processes serve the port), `failed_count` `failed_reason`
 *   on either                 `pid_evidence`
 */
import { endpointNodeId, hostNodeId, hostScope, loopbackScope } from '../../report/node-ids.js';
import type { DnsNames, Latest, Node, Timestamp } from '../../report/model.js';
import { addressText, isLinkLocalAddress, isLoopbackAddress } from './address.js';
import { DirectionEvidence, PidEvidence } from './record.js';

export interface EndpointContext {
  readonly hostName: string;
  readonly now: Timestamp;
  /** Names known now for an address; asked once per address and report. */
  readonly names: (address: string) => DnsNames | undefined;
}

/** One end of an edge. */
export interface EdgeEnd {
  readonly id: string;
  /** 0 unknown. */
  readonly pid: number;
  /** A `PidEvidence`. */
  readonly pidEvidence: number;
}

/** Numbers of an edge, as in `Tallies`. */
export interface EdgeNumbers {
  readonly connections: number;
  /** Those of them that no earlier report had. */
  readonly fresh: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly rttSum: number;
  readonly rttCount: number;
  readonly connectSum: number;
  readonly connectCount: number;
}

interface Draft {
  /** PID → connections it was seen with at this endpoint, and how it is known. */
  readonly pids: Map<number, { count: number; evidence: number }>;
  readonly edges: { to: string; toPid: number; evidence: number; numbers: EdgeNumbers }[];
  readonly failed: { to: string; count: number; reason: string }[];
}

const PID_EVIDENCE = new Map<number, string>(nameOf(PidEvidence));
const DIRECTION_EVIDENCE = new Map<number, string>(nameOf(DirectionEvidence));

/** `TableScan` → `table-scan` */
function nameOf(values: Readonly<Record<string, number>>): [number, string][] {
  return Object.entries(values).map(([name, value]) => [
    value,
    name.replaceAll(/(?!^)[A-Z]/g, (capital) => `-${capital}`).toLowerCase(),
  ]);
}

export class EndpointNodes {
  readonly dns = new Map<string, DnsNames>();
  readonly #drafts = new Map<string, Draft>();
  readonly #asked = new Set<string>();

  constructor(private readonly context: EndpointContext) {}

  /** The id of an endpoint; its address is at `at` in `words`. @param netns inode, for loopback addresses */
  idOf(words: Int32Array, at: number, port: number, netns: number): string {
    const { hostName, names } = this.context;
    const text = addressText(words, at);
    if (!this.#asked.has(text)) {
      this.#asked.add(text);
      const known = names(text);
      if (known !== undefined) this.dns.set(text, known);
    }
    if (isLoopbackAddress(words, at)) return endpointNodeId(loopbackScope(hostName, netns), text, port);
    return endpointNodeId(isLinkLocalAddress(words, at) ? hostScope(hostName) : '', text, port);
  }

  /** @param evidence a `DirectionEvidence` */
  addEdge(from: EdgeEnd, to: EdgeEnd, evidence: number, numbers: EdgeNumbers): void {
    this.#draft(to, numbers.connections);
    this.#draft(from, numbers.connections).edges.push({ to: to.id, toPid: to.pid, evidence, numbers });
  }

  /** An edge of connects that never were established. */
  addFailed(from: EdgeEnd, to: string, count: number, reason: string): void {
    this.#draft({ id: to, pid: 0, pidEvidence: PidEvidence.None }, 0);
    this.#draft(from, 0).failed.push({ to, count, reason });
  }

  build(): Map<string, Node> {
    const { hostName, now } = this.context;
    const host: Latest = { timestamp: now, value: hostNodeId(hostName) };
    const nodes = new Map<string, Node>();
    for (const [id, draft] of this.#drafts) {
      const latest = new Map<string, Latest>();
      const set = (key: string, value: string | number | undefined): void => {
        if (value !== undefined && value !== 0) latest.set(key, { timestamp: now, value: String(value) });
      };
      const pid = mostSeen(draft.pids);
      if (pid !== 0) {
        set('pid', pid);
        latest.set('host_node_id', host);
        set('pid_evidence', PID_EVIDENCE.get(draft.pids.get(pid)?.evidence ?? PidEvidence.None));
      }
      this.#setNumbers(draft, set);
      setFailures(draft, set);
      const adjacency = [...new Set([...draft.edges, ...draft.failed].map(({ to }) => to))].sort();
      nodes.set(id, {
        id,
        topology: 'endpoint',
        ...(latest.size > 0 && { latest }),
        ...(adjacency.length > 0 && { adjacency }),
      });
    }
    return nodes;
  }

  #draft({ id, pid, pidEvidence }: EdgeEnd, connections: number): Draft {
    let draft = this.#drafts.get(id);
    if (draft === undefined) this.#drafts.set(id, (draft = { pids: new Map(), edges: [], failed: [] }));
    if (pid !== 0) {
      const seen = draft.pids.get(pid);
      if (seen === undefined) {
        draft.pids.set(pid, { count: connections, evidence: pidEvidence });
      } else {
        seen.count += connections;
        seen.evidence = Math.max(seen.evidence, pidEvidence);
      }
    }
    return draft;
  }

  #setNumbers({ edges }: Draft, set: (key: string, value: string | number | undefined) => void): void {
    if (edges.length === 0) return;
    const sum = (number: keyof EdgeNumbers): number =>
      edges.reduce((total, { numbers }) => total + numbers[number], 0);
    const mean = (total: number, count: number): number => (count === 0 ? 0 : Math.round(total / count));
    const connections = sum('connections');
    if (connections > 1) set('conn_count', connections);
    const fresh = sum('fresh');
    if (fresh < connections) set('conn_new', String(fresh));
    set('bytes_sent', sum('bytesSent'));
    set('bytes_received', sum('bytesReceived'));
    set('retransmits', sum('retransmits'));
    set('rtt_us', mean(sum('rttSum'), sum('rttCount')));
    set('connect_us', mean(sum('connectSum'), sum('connectCount')));
    set('direction_evidence', DIRECTION_EVIDENCE.get(Math.min(...edges.map(({ evidence }) => evidence))));
    const [edge] = edges;
    const servers =
      edges.length === 1 && edge !== undefined ? (this.#drafts.get(edge.to)?.pids.size ?? 0) : 0;
    if (servers > 1) set('to_pid', edge?.toPid);
  }
}

/** `conn_count` is 0, not absent: absent means one connection, and here was none. */
function setFailures({ edges, failed }: Draft, set: (key: string, value: string) => void): void {
  if (failed.length === 0) return;
  if (edges.length === 0) set('conn_count', '0');
  set('failed_count', String(failed.reduce((total, { count }) => total + count, 0)));
  set('failed_reason', [...new Set(failed.map(({ reason }) => reason))].sort().join(', '));
}

/** A listening port can have several processes behind it; the node has room for one: the one seen most, then the lowest. */
function mostSeen(pids: Draft['pids']): number {
  let best = 0;
  let most = -1;
  for (const [pid, { count }] of pids) {
    if (count > most || (count === most && pid < best)) [best, most] = [pid, count];
  }
  return best;
}
