/**
 * Flows of the window as rows of a report (`Flows`) and of `/api/v1/flows`: one for each client's process, server's process
 * and address.
 */
import { parseAddressPort } from '../../report/model/address-port.js';
import { flowRowOf } from '../../flows/window-row.js';
import type { FlowRow } from '../../report/model/flow-row.js';
import type { JoinedEnd, JoinedFlow } from '../flows/joined-flow.js';

export interface FlowFilter {
  /** Name of a host at either end. */
  readonly host?: string | undefined;
  /** PID at either end. */
  readonly pid?: number | undefined;
  /** Address at either end, or the one dialled. */
  readonly address?: string | undefined;
  /** The server's, or the one dialled. */
  readonly port?: number | undefined;
  /** Name of a process at either end. */
  readonly name?: string | undefined;
}

/** Most connections first, then in the order of the flows. */
export function flowRows(flows: readonly JoinedFlow[], filter: FlowFilter = {}): FlowRow[] {
  return flows
    .filter((flow) => isWanted(flow, filter))
    .sort((a, b) => b.activity.connections - a.activity.connections)
    .map((flow) => flowRowOf(flow, flow.server.scope));
}

function isWanted({ client, server, via }: JoinedFlow, filter: FlowFilter): boolean {
  const { host, pid, address, port, name } = filter;
  const isAtEither = (is: (end: JoinedEnd) => boolean): boolean => is(client) || is(server);
  if (host !== undefined && !isAtEither((end) => end.host === host)) return false;
  if (pid !== undefined && !isAtEither((end) => end.process?.pid === pid)) return false;
  if (name !== undefined && !isAtEither((end) => end.process?.name === name)) return false;
  const dialled = via === '' ? undefined : parseAddressPort(via);
  if (address !== undefined && dialled?.address !== address && !isAtEither((end) => end.address === address))
    return false;
  return port === undefined || server.port === port || dialled?.port === port;
}
