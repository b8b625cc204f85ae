/** A report's row as an edge between endpoints: ids, processes, failures, and ports before the choice. */
import type { FlowRow, FlowRowEnd } from '../../report/model/flow-row.js';
import { endpointNodeId } from '../../report/model/node-ids.js';
import { scopesOf, type EndScopes } from './address-scopes.js';
import type { PortUser } from './choose-ports.js';
import type { Facts } from './end-facts.js';
import type { DraftEnd, EndProcess } from './endpoint-drafts.js';
import { shareOutToEach } from './shares.js';
import { KEEP_AT_MOST } from './thin-ports.js';

/** A row, with fields for Scope's form only. */
export interface EndpointSource extends FlowRow {
  /** Scopes of the addresses in ids, if known. Default: from the row's scope, see `scopesOf`. */
  readonly clientScope?: string | undefined;
  readonly serverScope?: string | undefined;
  /** As in `FlowEnd.facts`. */
  readonly clientFacts?: Facts | undefined;
  readonly serverFacts?: Facts | undefined;
  /** The end's process has ended, and another process has its PID. Default false. */
  readonly clientExited?: boolean | undefined;
  readonly serverExited?: boolean | undefined;
  /** The `connections` that no earlier report had. Default: all. */
  readonly fresh?: number | undefined;
  /** Over the whole lives of the connections, in place of the row's own. */
  readonly lifetime?: Pick<FlowRow, 'bytesSent' | 'bytesReceived' | 'retransmits'> | undefined;
}

export class RowEdge implements PortUser {
  readonly row: EndpointSource;
  readonly scopes: EndScopes;
  /** Prefix of the ids of the client's endpoints. */
  readonly clientAddress: string;
  readonly server: DraftEnd;
  readonly clientProcess: EndProcess | undefined;
  readonly process: string;
  readonly edge: string;
  readonly identity: string;
  readonly isLocal: boolean;
  readonly atMost: number;
  /** Reasons with how often, by name. */
  readonly failures: readonly (readonly [reason: string, count: number])[];
  readonly failed: number;
  /** Ascending; distinct. */
  readonly ports: readonly number[];
  /** Connections for each of `ports`. */
  readonly weights: readonly number[];
  /** The endpoints that represent the row, once chosen. */
  clients: readonly DraftEnd[] = [];

  constructor(row: EndpointSource, hostName: string) {
    const { client, server, evidence, failed, connections } = row;
    const scopes = scopesOf(row, hostName);
    this.row = row;
    this.scopes = { client: row.clientScope ?? scopes.client, server: row.serverScope ?? scopes.server };
    this.clientAddress = `${this.scopes.client};${client.address}`;
    this.clientProcess = processOf(client, row.clientExited, evidence.clientProcess, hostName);
    this.process = this.clientProcess?.key ?? '';
    this.server = {
      id: endpointNodeId(this.scopes.server, server.address, server.port),
      process: processOf(server, row.serverExited, evidence.serverProcess, hostName),
      facts: row.serverFacts,
      isSeen: server.host !== undefined,
    };
    this.edge = `${this.clientAddress}\n${this.server.id}`;
    this.identity = [this.edge, this.process, this.server.process?.key ?? '', row.via ?? ''].join('\n');
    this.isLocal = client.host !== undefined && client.host === server.host;
    this.failures = Object.entries(failed)
      .filter(([, count]) => count > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    this.failed = this.failures.reduce((sum, [, count]) => sum + count, 0);
    this.atMost = Math.min(KEEP_AT_MOST, connections > 0 ? connections : this.failures.length);
    const weights = new Map<number, number>();
    for (const [port, standsFor] of row.ports) weights.set(port, (weights.get(port) ?? 0) + standsFor);
    const sorted = [...weights].sort(([a], [b]) => a - b);
    this.ports = sorted.map(([port]) => port);
    this.weights = sorted.map(([, weight]) => weight);
  }

  clientAt(port: number): DraftEnd {
    const { row, scopes, clientProcess: process } = this;
    const id = endpointNodeId(scopes.client, row.client.address, port);
    return { id, process, facts: row.clientFacts, isSeen: row.client.host !== undefined };
  }

  /** Connections for each of `kept`: each port represents the skipped ones before it, the last one also those after it. */
  standsFor(kept: readonly number[]): number[] {
    const weights = kept.map(() => 0);
    let at = 0;
    for (const [i, port] of this.ports.entries()) {
      while (at < kept.length - 1 && port > kept[at]!) at++;
      weights[at]! += this.weights[i]!;
    }
    return shareOutToEach(this.row.connections, weights);
  }
}

/** Undefined: the process or its host is unknown. */
function processOf(
  { host: ownHost, pid, start, name = '' }: FlowRowEnd,
  isExited = false,
  evidence: string | undefined,
  hostName: string,
): EndProcess | undefined {
  const host = ownHost ?? hostName;
  if (pid === undefined || pid === 0 || host === '') return undefined;
  const key = `${host};${pid};${start ?? ''};${isExited ? name : ''}`;
  return { host, pid, name, isExited, evidence: evidence ?? 'none', key };
}

/** By identity, then by all other fields. */
export function compareEdges(a: RowEdge, b: RowEdge): number {
  if (a.identity !== b.identity) return a.identity < b.identity ? -1 : 1;
  const [left, right] = [JSON.stringify(a.row), JSON.stringify(b.row)];
  return left === right ? 0 : left < right ? -1 : 1;
}
