/**
 * Machines whose probe has fallen silent stay in the picture until the window has passed, and say since when.
 */
import { FACT } from '../../report/keys.js';
import { hostNodeId } from '../../report/model/node-ids.js';
import { fromMillis } from '../../report/model/timestamp.js';
import type { Node, Topology } from '../../report/model/model.js';

const TEMPLATE = { id: FACT.staleSince, label: 'Stale since', from: 'latest', dataType: 'datetime' } as const;

/** The hosts with this fact on those that are silent. @param since host name → milliseconds since 1970 of the last word */
export function markStale(hosts: Topology, since: ReadonlyMap<string, number>): Topology {
  if (since.size === 0) return hosts;
  const nodes = new Map<string, Node>(hosts.nodes);
  for (const [name, sinceMs] of since) {
    const id = hostNodeId(name);
    const node = nodes.get(id);
    if (node === undefined) continue;
    const fact = { timestamp: fromMillis(sinceMs), value: new Date(sinceMs).toISOString() };
    nodes.set(id, { ...node, latest: new Map(node.latest).set(FACT.staleSince, fact) });
  }
  const metadataTemplates = new Map(hosts.metadataTemplates).set(FACT.staleSince, TEMPLATE);
  return { ...hosts, nodes, metadataTemplates };
}
