/** A probe's state over a time span as a report in Scope's form, with the flows' rows. */
import { Num, type FlowDefinition, type FlowPorts, type FlowState } from '../../flows/flow.js';
import { endpointTopology, type EndpointSource, type TranslatedFlow } from '../../flows/scope-endpoints.js';
import type { FlowRow } from '../../report/model/flow-row.js';
import type { DnsNames, Report, Timestamp, Topology, TopologyKey } from '../../report/model/model.js';
import { Life } from './flow-book.js';
import { flowRow } from './flow-rows.js';

/** A flow, its state at the beginning of the report's time, and its state now. */
export interface StatedRow {
  readonly id: number;
  readonly definition: FlowDefinition;
  readonly then: FlowState | undefined;
  readonly now: FlowState;
}

export interface ScopeReportInput {
  readonly id: string;
  readonly timestamp: Timestamp;
  readonly hostName: string;
  readonly rows: readonly StatedRow[];
  readonly forwarded: readonly { readonly definition: FlowDefinition; readonly state: FlowState }[];
  /** Whether another process has the PID now. */
  readonly hasExited: (pid: number, startTicks: number) => boolean;
  readonly topologies: ReadonlyMap<TopologyKey, Topology>;
  readonly namesOf: (address: string) => DnsNames | undefined;
  readonly windowMs: number;
  /** Ends of connections without a row. */
  readonly lost: number;
}

export function scopeReport(input: ScopeReportInput): Report {
  const { hostName, timestamp, namesOf, windowMs } = input;
  const sources = input.rows.map((row) => sourceOf(row, input)).filter(isSaid);
  const { topology, connections } = endpointTopology(sources, {
    hostName,
    now: timestamp,
    translated: input.forwarded.map(({ definition, state }) => translatedOf(definition, state)),
  });
  const dns = new Map<string, DnsNames>();
  for (const { client, server } of sources) {
    for (const { address } of [client, server]) {
      const names = dns.has(address) ? undefined : namesOf(address);
      if (names !== undefined) dns.set(address, names);
    }
  }
  return {
    id: input.id,
    timestamp,
    topologies: new Map(input.topologies).set('Endpoint', topology),
    dns,
    flows: sources.map((source) => source.row),
    sampling: { count: connections, total: connections + input.lost },
    windowNanos: Math.round(windowMs * 1e6),
  };
}

interface RowSource extends EndpointSource {
  readonly row: FlowRow;
}

function sourceOf(
  { definition, then, now }: StatedRow,
  { hostName, hasExited }: ScopeReportInput,
): RowSource {
  const row = flowRow(definition, then, now, hostName);
  const { client, server } = definition;
  const exited = (end: typeof client): boolean =>
    end.process !== undefined && hasExited(end.process.pid, end.process.startTicks);
  return {
    ...row,
    row,
    clientFacts: client.facts,
    serverFacts: server.facts,
    clientExited: exited(client),
    serverExited: exited(server),
    fresh: Math.max(0, row.connections - (then?.numbers[Num.Live] ?? 0)),
    lifetime: lifetimeOf(row, then, now),
  };
}

function isSaid({ connections, failed }: EndpointSource): boolean {
  return connections > 0 || Object.keys(failed).length > 0;
}

/** In Scope's form each report has a connection's numbers over its whole life. */
function lifetimeOf(since: FlowRow, then: FlowState | undefined, now: FlowState): EndpointSource['lifetime'] {
  const of = (place: number): number => Math.max(0, now.numbers[place]! - (then?.numbers[place] ?? 0));
  const before = (place: number): number => then?.numbers[place] ?? 0;
  return {
    bytesSent: since.bytesSent + of(Life.EarlierSent) + before(Life.BytesSent),
    bytesReceived: since.bytesReceived + of(Life.EarlierReceived) + before(Life.BytesReceived),
    retransmits: since.retransmits + of(Life.EarlierRetransmits) + before(Life.Retransmits),
  };
}

function translatedOf(
  { scope, client, server, via, clientVia }: FlowDefinition,
  { ports, portPairs }: FlowState,
): TranslatedFlow {
  return {
    scope,
    clientAddress: client.address,
    serverAddress: server.address,
    serverPort: server.port,
    via,
    clientVia,
    ports: pairsOf(ports, portPairs),
  };
}

function pairsOf({ ports }: FlowPorts, seen: Uint16Array | undefined): [number, number][] {
  return Array.from(ports, (port, i) => [port, seen?.[i] ?? port]);
}
