/** A flow over a time, as a row of a report. Pure. */
import type { FlowDefinition, FlowEnd, FlowPorts, FlowState } from '../../flows/flow.js';
import { activityBetween, failuresBetween, type FlowActivity } from '../../flows/window.js';
import type { FlowRow, FlowRowEnd, FlowRowPort } from '../../report/model/flow-row.js';

/** @param then undefined: from the flow's beginning */
export function flowRow(
  { scope, client, server, via, direction, nat }: FlowDefinition,
  then: FlowState | undefined,
  now: FlowState,
  hostName: string,
): FlowRow {
  const activity = activityBetween(then?.numbers, now.numbers);
  const { connections, opened, closed, live, bytesSent, bytesReceived, retransmits } = activity;
  return {
    scope,
    client: rowEnd(client, hostName),
    server: { ...rowEnd(server, hostName), port: server.port },
    ...(via !== '' && { via }),
    connections,
    opened,
    closed,
    live,
    failed: Object.fromEntries(failuresBetween(then?.failed, now.failed)),
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
    ports: rowPorts(now.ports),
  };
}

function rowEnd({ address, process, isHere }: FlowEnd, hostName: string): FlowRowEnd {
  return {
    address,
    ...(isHere && { host: hostName }),
    ...(process && {
      pid: process.pid,
      ...(process.startTicks > 0 && { start: process.startTicks }),
      ...(process.name !== '' && { name: process.name }),
    }),
  };
}

function meansOf({ rttMicrosSum, rttCount, connectMicrosSum, connectCount }: FlowActivity): {
  rttMicros?: number;
  connectMicros?: number;
} {
  return {
    ...(rttCount > 0 && { rttMicros: Math.round(rttMicrosSum / rttCount) }),
    ...(connectCount > 0 && { connectMicros: Math.round(connectMicrosSum / connectCount) }),
  };
}

function rowPorts({ ports, standsFor }: FlowPorts): FlowRowPort[] {
  return Array.from(ports, (port, i) => [port, standsFor[i]!] as const);
}
