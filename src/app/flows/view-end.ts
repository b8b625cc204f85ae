/**
 * One end of a flow as views place it: its machine, its process as far as that is certain, and its address.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Node } from '../../report/model/model.js';
import { hostNodeId, processNodeId } from '../../report/model/node-ids.js';
import type { JoinedEnd } from './joined-flow.js';

export interface ViewEnd {
  readonly end: JoinedEnd;
  /** Host node id (`vm;<host>`) of the machine whose probe saw this end's socket; undefined when no probe did. */
  readonly hostNode: string | undefined;
  /** Id of the process that holds this end. */
  readonly process: string | undefined;
  /** It opens the connections. */
  readonly opens: boolean;
}

/** Between the PID and the start of a process that is not the one with its PID now. */
const EARLIER = '~';

export function viewEndOf(end: JoinedEnd, opens: boolean, processes: ReadonlyMap<string, Node>): ViewEnd {
  const { host, process } = end;
  if (host === undefined) return { end, hostNode: undefined, process: undefined, opens };
  const hostNode = hostNodeId(host);
  if (process === undefined) return { end, hostNode, process: undefined, opens };
  const id = processNodeId(host, process.pid);
  const start = latestOf(processes.get(id), FACT.startTicks);
  const isOther = start !== undefined && process.startTicks !== 0 && start !== String(process.startTicks);
  return { end, hostNode, process: isOther ? `${id}${EARLIER}${process.startTicks}` : id, opens };
}

/** What is known of a process without a node: it ended, or its PID is another one's now. */
export function processNodeOf({ end, hostNode, process: id }: ViewEnd): Node | undefined {
  const { process } = end;
  if (id === undefined || hostNode === undefined || process === undefined) return undefined;
  const timestamp = { unixSeconds: 0, nanos: 0, zoneMinutes: -1 };
  const facts = {
    [FACT.pid]: String(process.pid),
    [FACT.name]: process.name,
    [FACT.hostNodeId]: hostNode,
  };
  return {
    id,
    topology: 'process',
    latest: new Map(
      Object.entries(facts)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => [key, { timestamp, value }]),
    ),
  };
}
