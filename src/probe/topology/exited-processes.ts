/**
 * Processes that had connections in a batch but are no longer there to be asked: their name was noted with the
 * connection, so that an edge does not point at a bare number. One whose PID another process has is none of these: its
 * endpoint tells its name.
 */
import { hostNodeId, processNodeId } from '../../report/model/node-ids.js';
import type { Latest, Node, Timestamp, Topology } from '../../report/model/model.js';
import type { IdentifiedProcesses } from '../batch/process-identity.js';

/** Nodes made per report; a machine that forks more per tick gets edges to bare PIDs for the rest. */
const MAX_PROCESSES = 10_000;

/** @param known the processes other reporters have told of, which need nothing from here */
export function exitedProcesses(
  { names }: IdentifiedProcesses,
  known: Topology | undefined,
  hostName: string,
  now: Timestamp,
): Topology {
  const nodes = new Map<string, Node>();
  const host: Latest = { timestamp: now, value: hostNodeId(hostName) };
  for (const [pid, nameOf] of names) {
    if (nodes.size >= MAX_PROCESSES) break;
    const id = processNodeId(hostName, pid);
    if (known?.nodes.has(id)) continue;
    const name = nameOf();
    if (name === '') continue;
    nodes.set(id, {
      id,
      topology: 'process',
      latest: new Map([
        ['pid', { timestamp: now, value: String(pid) }],
        ['name', { timestamp: now, value: name }],
        ['host_node_id', host],
      ]),
    });
  }
  return { nodes };
}
