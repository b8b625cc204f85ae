/** What one client port of a flow says in one report, and what makes two flows of reports one. */
import type { FlowDefinition } from '../../flows/flow.js';
import type { EndpointFacts } from './endpoint-facts.js';

export interface PortFacts {
  readonly connections: number;
  /** Those of them that no earlier report had; undefined for probes that do not say. */
  readonly fresh: number | undefined;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly rttMicros: number | undefined;
  readonly connectMicros: number | undefined;
  readonly failed: number;
  readonly failedReason: string;
  /** Forwarded flows: the port as the server sees it. */
  readonly seenPort: number | undefined;
}

/**
 * A client's endpoint may lead to several servers, when its port was used several times: its numbers are divided.
 * @param part of how many `parts` this is which one
 */
export function portFactsOf(
  client: EndpointFacts,
  part: number,
  parts: number,
  seenPort: number | undefined,
): PortFacts {
  const share = (count: number): number =>
    parts === 1 ? count : Math.floor(count / parts) + (part < count % parts ? 1 : 0);
  return {
    connections: client.connections === 0 ? 0 : Math.max(1, share(client.connections)),
    fresh: client.fresh === undefined ? undefined : share(client.fresh),
    bytesSent: share(client.bytesSent),
    bytesReceived: share(client.bytesReceived),
    retransmits: share(client.retransmits),
    rttMicros: client.rttMicros,
    connectMicros: client.connectMicros,
    failed: share(client.failed),
    failedReason: client.failedReason,
    seenPort,
  };
}

/** Reports say what is unchanged with new times: then other objects say the same. */
export function isSamePort(a: PortFacts, b: PortFacts): boolean {
  return (
    a === b ||
    (a.connections === b.connections &&
      a.fresh === b.fresh &&
      a.bytesSent === b.bytesSent &&
      a.bytesReceived === b.bytesReceived &&
      a.retransmits === b.retransmits &&
      a.rttMicros === b.rttMicros &&
      a.connectMicros === b.connectMicros &&
      a.failed === b.failed &&
      a.failedReason === b.failedReason &&
      a.seenPort === b.seenPort)
  );
}

/** Equal for definitions of one flow; names and what else is known of an end are no part of it. */
export function flowKeyOf({
  kind,
  scope,
  client,
  server,
  via,
  clientVia,
  direction,
}: FlowDefinition): string {
  const clientKey = `${client.address}\n${client.process?.pid ?? ''}\n${client.isHere ? 1 : 0}\n${client.evidence ?? ''}`;
  const serverKey = `${server.address}\n${server.port}\n${server.process?.pid ?? ''}\n${server.isHere ? 1 : 0}`;
  return `${kind}\n${scope}\n${clientKey}\n${serverKey}\n${via}\n${clientVia}\n${direction}`;
}
