/**
 * A view's edges with what is known of the connections behind them.
 */
import { edgeTotals, type ViewGraph } from './graph.js';
import type { Link } from './flows.js';
import { nameNode } from './labels.js';
import type { Report } from '../../report/model.js';

export interface EdgeRow {
  readonly from: string;
  readonly to: string;
  readonly fromLabel: string;
  readonly toLabel: string;
  /** Ports of the server's side, with the connections to each. */
  readonly ports: Readonly<Record<string, number>>;
  readonly connections: number;
  /** Payload bytes as the client's side counted them. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Mean of the smoothed round-trip times; absent when none is known. */
  readonly rttMicros?: number;
  /** Mean time from SYN to established. */
  readonly connectMicros?: number;
  /** Which ends' probes own their side: both, one, or none (the Internet to a NAT address). */
  readonly seenBy: 'both' | 'client' | 'server' | 'neither';
}

/** Every edge; the ones with most bytes, then connections, first. */
export function edgeRows(report: Report, graph: ViewGraph): EdgeRow[] {
  const labels = new Map<string, string>();
  for (const [id, node] of graph.nodes) labels.set(id, nameNode(report, node).label);
  const rows: EdgeRow[] = [];
  for (const [from, targets] of graph.edges) {
    for (const [to, links] of targets) {
      rows.push({
        from,
        to,
        fromLabel: labels.get(from) ?? from,
        toLabel: labels.get(to) ?? to,
        ...measure(links),
      });
    }
  }
  return rows.sort(
    (a, b) =>
      b.bytesSent + b.bytesReceived - a.bytesSent - a.bytesReceived ||
      b.connections - a.connections ||
      (a.from + a.to < b.from + b.to ? -1 : 1),
  );
}

function measure(links: readonly Link[]): Omit<EdgeRow, 'from' | 'to' | 'fromLabel' | 'toLabel'> {
  const {
    connections,
    bytesSent,
    bytesReceived,
    retransmits,
    failed,
    rttMicrosSum,
    rttCount,
    connectMicrosSum,
    connectCount,
  } = edgeTotals(links);
  const ports = new Map<string, number>();
  const failures = new Map<string, number>();
  let client = false;
  let server = false;
  for (const { group, peer, totals } of links) {
    ports.set(peer.port, (ports.get(peer.port) ?? 0) + totals.connections);
    for (const [reason, count] of group.failures) failures.set(reason, (failures.get(reason) ?? 0) + count);
    client ||= group.hostNode !== undefined;
    server ||= peer.facts.hostNode !== undefined;
  }
  return {
    ports: Object.fromEntries(ports),
    connections,
    bytesSent,
    bytesReceived,
    retransmits,
    failed,
    failures: Object.fromEntries(failures),
    ...(rttCount === 0 ? {} : { rttMicros: Math.round(rttMicrosSum / rttCount) }),
    ...(connectCount === 0 ? {} : { connectMicros: Math.round(connectMicrosSum / connectCount) }),
    seenBy: client ? (server ? 'both' : 'client') : server ? 'server' : 'neither',
  };
}
