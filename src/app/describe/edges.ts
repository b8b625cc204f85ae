/**
 * A view's edges with what is known of the connections behind them: together, and as each end's probes tell it.
 */
import { edgeTotals, type ViewGraph } from '../views/graph.js';
import type { Link } from '../flows/flows.js';
import { nameNode } from './labels.js';
import { compareText } from './rows.js';
import type { Report } from '../../report/model/model.js';
import {
  addToTally,
  addTotals,
  meansOf,
  noConnections,
  type ConnectionTotals,
  type Tally,
} from '../flows/totals.js';

/** An edge by the count of one end's probes. */
export interface EndRow {
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly rttMicros?: number;
}

export interface EdgeRow {
  readonly from: string;
  readonly to: string;
  readonly fromLabel: string;
  readonly toLabel: string;
  /** Ports of the server's side, with the connections to each. */
  readonly ports: Readonly<Record<string, number>>;
  readonly connections: number;
  /** Payload bytes that the client sent and received. */
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
  /** What the probes of each end count, where they report the connections at all. */
  readonly ends: { readonly client?: EndRow; readonly server?: EndRow };
  /** Numbers in which the two ends differ by more than a tenth. */
  readonly disagreement: readonly (keyof EndRow)[];
  /** Connections by how each thing about them is known; empty for probes that do not tell. */
  readonly evidence: {
    readonly direction: Readonly<Record<string, number>>;
    readonly clientPid: Readonly<Record<string, number>>;
    readonly serverPid: Readonly<Record<string, number>>;
  };
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
  const totals = edgeTotals(links);
  const byClient = noConnections();
  const byServer = noConnections();
  const ports: Tally = new Map();
  const failures: Tally = new Map();
  const direction: Tally = new Map();
  const clientPid: Tally = new Map();
  const serverPid: Tally = new Map();
  let client = false;
  let server = false;
  for (const link of links) {
    const { group, peer } = link;
    // A NAT copy is the client's own doing and adds nothing to its count; the server knows only the copy.
    const ofClient = group.copies === undefined ? group.byClient : link.totals;
    const onOneMachine = group.hostNode !== undefined && group.hostNode === peer.facts.hostNode;
    addTotals(byClient, ofClient);
    addTotals(byServer, onOneMachine ? ofClient : group.byServer);
    addToTally(ports, peer.port, link.totals.connections);
    addAll(failures, group.failures);
    addAll(direction, group.directionEvidence);
    addAll(clientPid, group.pidEvidence);
    if (peer.facts.pidEvidence !== undefined)
      addToTally(serverPid, peer.facts.pidEvidence, link.totals.connections);
    client ||= group.hostNode !== undefined;
    server ||= peer.facts.hostNode !== undefined;
  }
  const ends = { ...endOf('client', byClient), ...endOf('server', byServer) };
  return {
    ports: asObject(ports),
    connections: totals.connections,
    bytesSent: totals.bytesSent,
    bytesReceived: totals.bytesReceived,
    retransmits: totals.retransmits,
    failed: totals.failed,
    failures: asObject(failures),
    ...meansOf(totals),
    seenBy: client ? (server ? 'both' : 'client') : server ? 'server' : 'neither',
    ends,
    disagreement: disagreement(ends),
    evidence: {
      direction: asObject(direction),
      clientPid: asObject(clientPid),
      serverPid: asObject(serverPid),
    },
  };
}

function endOf(end: 'client' | 'server', totals: ConnectionTotals): EdgeRow['ends'] {
  const { connections, bytesSent, bytesReceived, retransmits } = totals;
  if (connections === 0) return {};
  const { rttMicros } = meansOf(totals);
  const row: EndRow = {
    connections,
    bytesSent,
    bytesReceived,
    retransmits,
    ...(rttMicros === undefined ? {} : { rttMicros }),
  };
  return { [end]: row };
}

/** Reports of two probes are seconds apart, so that numbers which grow are never quite equal. */
const TOLERATED_SHARE = 0.1;
/** Round-trip times are different paths' and retransmits each end's own: neither can disagree. */
const COMPARED = ['connections', 'bytesSent', 'bytesReceived'] as const;

function disagreement({ client, server }: EdgeRow['ends']): readonly (keyof EndRow)[] {
  if (client === undefined || server === undefined) return [];
  // A probe that counts no bytes (Scope's) does not contradict one that does.
  const counts = (end: EndRow): boolean => end.bytesSent + end.bytesReceived > 0;
  const compared = counts(client) && counts(server) ? COMPARED : COMPARED.slice(0, 1);
  return compared.filter(
    (key) => Math.abs(client[key] - server[key]) > TOLERATED_SHARE * Math.max(client[key], server[key]),
  );
}

function addAll(sum: Tally, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) addToTally(sum, name, count);
}

/** In the names' order, so that equal edges are equal texts. */
function asObject(tally: Tally): Record<string, number> {
  return Object.fromEntries(Array.from(tally).sort(([a], [b]) => compareText(a, b)));
}
