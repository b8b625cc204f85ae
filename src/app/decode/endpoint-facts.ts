/**
 * What an endpoint node of a report in Scope's form says, taken apart: whose it is, and how many connections it stands for.
 * Scope's own probes give the first five facts; the others are those of ours.
 */
import { addressPort } from '../../report/model/address-port.js';
import { FACT, latestOf, numberOf } from '../../report/keys.js';
import type { Node } from '../../report/model/model.js';
import { parseEndpointNodeId, parseNodeId } from '../../report/model/node-ids.js';

export interface EndpointFacts {
  readonly id: string;
  readonly scope: string;
  readonly address: string;
  readonly port: number;
  /** `address:port`. */
  readonly text: string;
  /** Name of the host whose probe saw its socket. */
  readonly host: string | undefined;
  /** 0: unknown. */
  readonly pid: number;
  /** Id of the endpoint that this one is a NAT copy of. */
  readonly copyOf: string | undefined;
  /** Connections that it stands for; 0 when all were failed connects. */
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
  /** Names of a `DirectionEvidence` and a `PidEvidence`; empty when the probe does not say. */
  readonly direction: string;
  readonly evidence: string;
  /** PID at the other end, given where several processes serve its port; 0: that of one that is gone. */
  readonly toPid: number | undefined;
  /** Those of `END_FACTS` that it has. */
  readonly rest: ReadonlyMap<string, string> | undefined;
}

/** What a flow's end has as `facts`. */
const END_FACTS = [
  FACT.holderPids,
  FACT.holderPidsMore,
  FACT.listenerPids,
  FACT.listenerPidsMore,
  FACT.lastListenerName,
  FACT.lastListenerListens,
  FACT.mptcpSubflows,
] as const;

/** Undefined when the node's id is no endpoint's. */
export function endpointFactsOf(id: string, node: Node | undefined): EndpointFacts | undefined {
  const parsed = parseEndpointNodeId(id);
  if (parsed === undefined) return undefined;
  const port = Number(parsed.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
  const text = (key: string): string | undefined => latestOf(node, key);
  /** A number that is not one counts as absent. */
  const number = (key: string): number | undefined => numberOf(node, key);
  const hostNode = text(FACT.hostNodeId);
  const direction = text(FACT.directionEvidence) ?? '';
  const connections = number(FACT.connCount) ?? 1;
  return {
    id,
    scope: parsed.scope,
    address: parsed.address,
    port,
    text: addressPort(parsed.address, port),
    host: hostNode === undefined ? undefined : (parseNodeId(hostNode)?.own ?? hostNode),
    pid: number(FACT.pid) ?? 0,
    copyOf: text(FACT.copyOf),
    connections,
    fresh: direction === '' ? undefined : Math.min(connections, number(FACT.connNew) ?? connections),
    bytesSent: number(FACT.bytesSent) ?? 0,
    bytesReceived: number(FACT.bytesReceived) ?? 0,
    retransmits: number(FACT.retransmits) ?? 0,
    rttMicros: number(FACT.rttMicros),
    connectMicros: number(FACT.connectMicros),
    failed: number(FACT.failedCount) ?? 0,
    failedReason: text(FACT.failedReason) ?? 'unknown',
    direction,
    evidence: text(FACT.pidEvidence) ?? '',
    toPid: number(FACT.toPid),
    rest: restOf(node),
  };
}

function restOf(node: Node | undefined): ReadonlyMap<string, string> | undefined {
  let rest: Map<string, string> | undefined;
  for (const key of END_FACTS) {
    const fact = node?.latest?.get(key);
    if (fact !== undefined) (rest ??= new Map<string, string>()).set(key, fact.value);
  }
  return rest;
}
