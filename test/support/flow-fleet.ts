/** Hosts with a probe each, connections between them, through translators too, and the edges that must come of them. */
import { FlowStore } from '../../src/app/flows/flow-store.js';
import type { JoinedFlow } from '../../src/app/flows/joined-flow.js';
import { flowOf, StatedTable } from './stated-table.js';

export const T0 = 1_800_000_000_000;
export const SETTINGS = { windowMs: 15_000, maxFlows: 1_000_000, maxFlowsPerProbe: 500_000, maxBytes: 4e9 };

/** A process on a host with a probe. */
export interface Process {
  readonly host: string;
  readonly address: string;
  readonly pid: number;
}

export interface Translator {
  readonly host: string;
  /** Where it sends what it gets, `address:port`; absent: where it was sent. */
  readonly to?: string;
  /** Whom it says it comes from; absent: the client. */
  readonly as?: string;
  /** The source port that it takes; absent: the same. */
  readonly port?: number;
}

export class Fleet {
  readonly store = new FlowStore(SETTINGS);
  /** Edge → connections. */
  readonly truth: Record<string, number> = {};
  readonly tables = new Map<string, StatedTable>();

  /** @param dialled `address:port` @param server undefined: a machine without a probe */
  connect(
    client: Process,
    port: number,
    dialled: string,
    server: Process | undefined,
    translators: readonly Translator[] = [],
  ): void {
    this.table(client.host).open(
      flowOf(client.address, dialled, { pid: client.pid, isHere: true }, {}),
      port,
    );
    let [from, fromPort, to] = [client.address, port, dialled];
    for (const translator of translators) {
      const { to: next = to, as = from, port: nextPort = fromPort } = translator;
      const definition = flowOf(
        from,
        next,
        {},
        {},
        {
          kind: 'forwarded',
          via: next === to ? '' : to,
          clientVia: as === from ? '' : as,
        },
      );
      this.table(translator.host).open(definition, fromPort, { portThere: nextPort });
      [from, fromPort, to] = [as, nextPort, next];
    }
    if (server !== undefined)
      this.table(server.host).open(flowOf(from, to, {}, { pid: server.pid, isHere: true }), fromPort);
    const edge = `${client.host}/${client.pid} ${client.address} → ${server?.host ?? '-'}/${server?.pid ?? '-'} ${to}`;
    this.truth[edge] = (this.truth[edge] ?? 0) + 1;
  }

  table(host: string): StatedTable {
    let table = this.tables.get(host);
    if (table === undefined) this.tables.set(host, (table = new StatedTable(host, `probe-${host}`, T0)));
    return table;
  }

  /** All probes take their state and state it. @param except hosts without a probe */
  state(atMs = T0 + 5_000, except: readonly string[] = []): readonly JoinedFlow[] {
    for (const table of this.tables.values()) {
      if (except.includes(table.host)) continue;
      const base = table.seq;
      table.tick(atMs);
      this.store.state(table.probe, table.statement(base), atMs);
    }
    return this.store.flows(atMs);
  }
}

/** `client host/pid address → server host/pid address:port` → connections, those without any left out. */
export function edgesOf(
  flows: readonly JoinedFlow[],
  of: (flow: JoinedFlow) => number = ({ activity }) => activity.connections,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const flow of flows) {
    const key = `${endOf(flow, 'client')} → ${endOf(flow, 'server')}:${flow.server.port}`;
    const more = of(flow);
    if (more > 0) sums[key] = (sums[key] ?? 0) + more;
  }
  return sums;
}

/** Connections by what `of` makes of a flow. */
export function sumsBy(
  flows: readonly JoinedFlow[],
  of: (flow: JoinedFlow) => string,
  count: (flow: JoinedFlow) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const flow of flows) {
    const more = count(flow);
    if (more > 0) sums[of(flow)] = (sums[of(flow)] ?? 0) + more;
  }
  return sums;
}

/** `host/pid address`. */
export function endOf(flow: JoinedFlow, side: 'client' | 'server'): string {
  const { host, process, address } = flow[side];
  return `${host ?? '-'}/${process?.pid ?? '-'} ${address}`;
}
