/**
 * A view's edges with what is known of the flows behind them: together, and as each end's probes count it. What each number
 * means is in docs/numbers.md.
 */
import { meansOf, type FlowActivity } from '../../flows/window.js';
import type { Report } from '../../report/model/model.js';
import {
  addActivity,
  addAll,
  addFlow,
  addTo,
  noSums,
  totalOf,
  type FlowSums,
  type Histogram,
} from '../flows/flow-sums.js';
import type { JoinedFlow } from '../flows/joined-flow.js';
import type { ViewGraph } from '../views/graph.js';
import { nameNode } from './labels.js';
import { compareText } from './rows.js';

/** An edge by the count of one end's probes. */
export interface EndRow {
  readonly connections: number;
  readonly opened: number;
  readonly closed: number;
  readonly live: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly rttMicros?: number;
}

/** Per second. */
export interface Rates {
  readonly opened: number;
  readonly closed: number;
  readonly failed: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface EdgeRow {
  readonly from: string;
  readonly to: string;
  readonly fromLabel: string;
  readonly toLabel: string;
  /** Ports of the server's side, with the connections to each. */
  readonly ports: Readonly<Record<string, number>>;
  /** What clients dialled, where that is not the server's own address and port, with the connections to each. */
  readonly via: Readonly<Record<string, number>>;
  /** Connections that existed at any time of the window. */
  readonly connections: number;
  readonly opened: number;
  readonly closed: number;
  /** As of now. */
  readonly live: number;
  /** Payload bytes that the client sent and received. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Absent before any probe of the edge spoke twice. */
  readonly rates?: Rates;
  /** Mean of the smoothed round-trip times; absent when none is known. */
  readonly rttMicros?: number;
  /** Mean time from SYN to established. */
  readonly connectMicros?: number;
  /** Which ends' probes see their side: both, one, or none (the Internet to a NAT address). */
  readonly seenBy: 'both' | 'client' | 'server' | 'neither';
  /** What the probes of each end count, where they state the flows at all. */
  readonly ends: { readonly client?: EndRow; readonly server?: EndRow };
  /** Numbers in which the two ends differ by more than a tenth. */
  readonly disagreement: readonly (keyof EndRow)[];
  /** True when some of the counts were distributed by a sample of the client ports. */
  readonly sampled?: true;
  /** Connections by how each thing about them is known; empty for probes that do not say. */
  readonly evidence: {
    readonly direction: Readonly<Record<string, number>>;
    readonly clientPid: Readonly<Record<string, number>>;
    readonly serverPid: Readonly<Record<string, number>>;
    readonly nat: Readonly<Record<string, number>>;
  };
}

/** Every edge; the ones with most bytes, then connections, first. */
export function edgeRows(report: Report, graph: ViewGraph): EdgeRow[] {
  const labels = new Map<string, string>();
  for (const [id, node] of graph.nodes) labels.set(id, nameNode(report, node).label);
  const rows: EdgeRow[] = [];
  for (const [from, targets] of graph.edges) {
    for (const [to, flows] of targets) {
      rows.push({
        from,
        to,
        fromLabel: labels.get(from) ?? from,
        toLabel: labels.get(to) ?? to,
        ...measure(flows),
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

function measure(flows: readonly JoinedFlow[]): Omit<EdgeRow, 'from' | 'to' | 'fromLabel' | 'toLabel'> {
  const sums = noSums();
  const ports: Histogram = new Map();
  const via: Histogram = new Map();
  const failures: Histogram = new Map();
  const evidence = new EvidenceCounts();
  let client = false;
  let server = false;
  let sampled = false;
  for (const flow of flows) {
    const { connections } = flow.activity;
    addFlow(sums, flow);
    addTo(ports, String(flow.server.port), connections);
    if (flow.via !== '') addTo(via, flow.via, connections);
    addAll(failures, flow.failures);
    evidence.add(flow);
    client ||= flow.client.host !== undefined;
    server ||= flow.server.host !== undefined;
    sampled ||= flow.isSampled;
  }
  const ends = {
    ...endOf(
      'client',
      flows.map(({ byClient }) => byClient),
    ),
    ...endOf(
      'server',
      flows.map(({ byServer }) => byServer),
    ),
  };
  const rates = ratesOf(flows);
  return {
    ports: asObject(ports),
    via: asObject(via),
    ...countsOf(sums),
    failed: sums.failed,
    failures: asObject(failures),
    ...(rates === undefined ? {} : { rates }),
    ...meansOf(sums),
    seenBy: client ? (server ? 'both' : 'client') : server ? 'server' : 'neither',
    ends,
    disagreement: disagreement(flows, ends),
    ...(sampled ? { sampled } : {}),
    evidence: evidence.rows(),
  };
}

function countsOf({
  connections,
  opened,
  closed,
  live,
  bytesSent,
  bytesReceived,
  retransmits,
}: FlowSums): Omit<EndRow, 'rttMicros'> {
  return { connections, opened, closed, live, bytesSent, bytesReceived, retransmits };
}

class EvidenceCounts {
  readonly #direction: Histogram = new Map();
  readonly #clientPid: Histogram = new Map();
  readonly #serverPid: Histogram = new Map();
  readonly #nat: Histogram = new Map();

  add({ activity: { connections }, direction, nat, client, server }: JoinedFlow): void {
    if (direction !== '') addTo(this.#direction, direction, connections);
    if (nat !== '') addTo(this.#nat, nat, connections);
    if (client.evidence !== undefined) addTo(this.#clientPid, client.evidence, connections);
    if (server.evidence !== undefined) addTo(this.#serverPid, server.evidence, connections);
  }

  rows(): EdgeRow['evidence'] {
    return {
      direction: asObject(this.#direction),
      clientPid: asObject(this.#clientPid),
      serverPid: asObject(this.#serverPid),
      nat: asObject(this.#nat),
    };
  }
}

/** Flows are stated at different times, so each has its own span. */
function ratesOf(flows: readonly JoinedFlow[]): Rates | undefined {
  const sum = { opened: 0, closed: 0, failed: 0, bytesSent: 0, bytesReceived: 0 };
  let isKnown = false;
  for (const { activity, failures, spanMs } of flows) {
    if (spanMs <= 0) continue;
    isKnown = true;
    const perSecond = 1_000 / spanMs;
    sum.opened += activity.opened * perSecond;
    sum.closed += activity.closed * perSecond;
    sum.failed += totalOf(failures) * perSecond;
    sum.bytesSent += activity.bytesSent * perSecond;
    sum.bytesReceived += activity.bytesReceived * perSecond;
  }
  if (!isKnown) return undefined;
  return {
    opened: hundredths(sum.opened),
    closed: hundredths(sum.closed),
    failed: hundredths(sum.failed),
    bytesSent: hundredths(sum.bytesSent),
    bytesReceived: hundredths(sum.bytesReceived),
  };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function endOf(end: 'client' | 'server', activities: readonly (FlowActivity | undefined)[]): EdgeRow['ends'] {
  const sums = noSums();
  for (const activity of activities) if (activity !== undefined) addActivity(sums, activity);
  if (sums.connections === 0) return {};
  const { rttMicros } = meansOf(sums);
  return { [end]: { ...countsOf(sums), ...(rttMicros === undefined ? {} : { rttMicros }) } };
}

/** Statements of two probes are seconds apart, so that numbers which grow are never quite equal. */
const TOLERATED_SHARE = 0.1;
/** Round-trip times are different paths' and retransmits each end's own: neither can disagree. */
const COMPARED = ['connections', 'bytesSent', 'bytesReceived'] as const;

/** Of flows that both ends state: what one end alone sees is no contradiction. */
function disagreement(flows: readonly JoinedFlow[], all: EdgeRow['ends']): readonly (keyof EndRow)[] {
  if (all.client === undefined || all.server === undefined) return [];
  const both = flows.filter(({ byClient, byServer }) => byClient !== undefined && byServer !== undefined);
  const { client, server }: EdgeRow['ends'] = {
    ...endOf(
      'client',
      both.map(({ byClient }) => byClient),
    ),
    ...endOf(
      'server',
      both.map(({ byServer }) => byServer),
    ),
  };
  if (client === undefined || server === undefined) return [];
  // A probe that counts no bytes (Scope's) does not contradict one that does.
  const counts = (end: EndRow): boolean => end.bytesSent + end.bytesReceived > 0;
  const compared = counts(client) && counts(server) ? COMPARED : COMPARED.slice(0, 1);
  return compared.filter(
    (key) => Math.abs(client[key] - server[key]) > TOLERATED_SHARE * Math.max(client[key], server[key]),
  );
}

/** In the names' order, so that equal edges are equal texts. */
function asObject(histogram: Histogram): Record<string, number> {
  return Object.fromEntries(Array.from(histogram).sort(([a], [b]) => compareText(a, b)));
}
