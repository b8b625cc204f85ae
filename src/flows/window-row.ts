/** A flow over a time span, as a row of a report and of `/api/v1/flows`. */
import type { FlowRow, FlowRowEnd, FlowRowPort } from '../report/model/flow-row.js';
import type { FlowProcess } from './flow.js';
import { meansOf, type FlowActivity } from './window.js';

export interface EndInWindow {
  readonly address: string;
  /** Name of the host whose probe saw this end's socket. */
  readonly host: string | undefined;
  readonly process?: FlowProcess | undefined;
  /** Name of a `PidEvidence`. */
  readonly evidence?: string | undefined;
}

/** Texts may be empty, as in `FlowDefinition`. */
export interface FlowInWindow {
  readonly client: EndInWindow;
  readonly server: EndInWindow & { readonly port: number };
  readonly via: string;
  readonly activity: FlowActivity;
  readonly failures: ReadonlyMap<string, number>;
  readonly direction: string;
  readonly nat: string;
  readonly isSampled: boolean;
  readonly ports: readonly FlowRowPort[];
}

/** @param scope of the server's address */
export function flowRowOf(flow: FlowInWindow, scope: string): FlowRow {
  const { client, server, via, activity, direction, nat } = flow;
  const { connections, opened, closed, live, bytesSent, bytesReceived, retransmits } = activity;
  return {
    scope,
    client: rowEnd(client),
    server: { ...rowEnd(server), port: server.port },
    ...(via !== '' && { via }),
    connections,
    opened,
    closed,
    live,
    failed: Object.fromEntries(flow.failures),
    bytesSent,
    bytesReceived,
    retransmits,
    ...meansOf(activity),
    evidence: {
      ...(direction !== '' && { direction }),
      ...(client.evidence !== undefined && { clientProcess: client.evidence }),
      ...(server.evidence !== undefined && { serverProcess: server.evidence }),
      ...(nat !== '' && { nat }),
    },
    ...(flow.isSampled && { sampled: true }),
    ports: flow.ports,
  };
}

function rowEnd({ address, host, process }: EndInWindow): FlowRowEnd {
  return {
    address,
    ...(host !== undefined && { host }),
    ...(process && {
      pid: process.pid,
      ...(process.startTicks > 0 && { start: process.startTicks }),
      ...(process.name !== '' && { name: process.name }),
    }),
  };
}
