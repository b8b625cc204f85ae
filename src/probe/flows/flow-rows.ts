/** A flow over a time span as a row of a report. Pure. */
import type { FlowDefinition, FlowEnd, FlowPorts, FlowState } from '../../flows/flow.js';
import { flowRowOf, type EndInWindow } from '../../flows/window-row.js';
import { activityBetween, failuresBetween } from '../../flows/window.js';
import type { FlowRow, FlowRowPort } from '../../report/model/flow-row.js';

/** @param then undefined: from the flow's beginning */
export function flowRow(
  { scope, client, server, via, direction, nat }: FlowDefinition,
  then: FlowState | undefined,
  now: FlowState,
  hostName: string,
): FlowRow {
  const flow = {
    client: endInWindow(client, hostName),
    server: { ...endInWindow(server, hostName), port: server.port },
    via,
    activity: activityBetween(then?.numbers, now.numbers),
    failures: failuresBetween(then?.failed, now.failed),
    direction,
    nat,
    isSampled: false,
    ports: rowPorts(now.ports),
  };
  return flowRowOf(flow, scope);
}

function endInWindow({ address, process, evidence, isHere }: FlowEnd, hostName: string): EndInWindow {
  return { address, host: isHere ? hostName : undefined, process, evidence };
}

function rowPorts({ ports, standsFor }: FlowPorts): FlowRowPort[] {
  return Array.from(ports, (port, i) => [port, standsFor[i]!] as const);
}
