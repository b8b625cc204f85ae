/**
 * What an endpoint says about itself: its id taken apart, and who owns it as far as a probe could tell.
 */
import type { Node } from '../../report/model/model.js';
import { parseEndpointNodeId } from '../../report/model/node-ids.js';

/** One side of a connection, as views place it. */
export interface EndpointFacts {
  /** Host node id (`vm;<host>`) of the machine whose probe saw this side's process; absent when no probe did. */
  readonly hostNode: string | undefined;
  readonly pid: string | undefined;
  /** How the PID is known, where the probe tells. */
  readonly pidEvidence?: string | undefined;
  /** Empty for addresses that mean the same everywhere. */
  readonly scope: string;
  readonly address: string;
  readonly port: string;
  /** Opens connections itself (has adjacency). */
  readonly opens: boolean;
  /** Several different peers were seen under one source port: the PID cannot be trusted for all of them. */
  readonly ambiguous: boolean;
  /** Id of the process that holds this end, when a probe saw it and no other process could have. */
  readonly process: string | undefined;
}

/** The value of a node's `latest` key. */
export function latestOf(node: Node | undefined, key: string): string | undefined {
  return node?.latest?.get(key)?.value;
}

/** The host's name in a host node id (`vm;<host>` → `vm`); the text itself when it is not one. */
export function hostNameOf(hostNodeId: string): string {
  const end = hostNodeId.indexOf(';');
  return end < 0 ? hostNodeId : hostNodeId.slice(0, end);
}

/** The part before the first `;` of any scoped id. */
export const ownIdOf = hostNameOf;

/**
 * The endpoints an adjacency really leads to. NAT shows one connection under several destinations: where a real one
 * is known, the rewritten ones (`copy_of`) say nothing more; where only rewritten ones are, each real one behind them
 * counts once. More than one means that the source port was used again. `nodes` are the report's endpoints.
 */
export function realPeers(adjacency: readonly string[], nodes: ReadonlyMap<string, Node>): readonly string[] {
  if (adjacency.length < 2) return adjacency;
  const places = onePerPlace(adjacency, nodes);
  const real = places.filter((id) => latestOf(nodes.get(id), 'copy_of') === undefined);
  if (real.length > 0) return real;
  const behind = new Map<string, string>();
  for (const id of places) {
    const canonical = canonicalEndpoint(id, nodes);
    if (!behind.has(canonical)) behind.set(canonical, id);
  }
  return Array.from(behind.values());
}

/**
 * Several hosts may have the same address, and only the one that is meant knows the client by that connection: of endpoints
 * that differ in their scope alone it is the one that somebody owns.
 */
function onePerPlace(adjacency: readonly string[], nodes: ReadonlyMap<string, Node>): readonly string[] {
  const places = new Map<string, string>();
  const rank = (id: string): number =>
    (latestOf(nodes.get(id), 'host_node_id') === undefined ? 0 : 2) + (id.startsWith(';') ? 0 : 1);
  for (const id of adjacency) {
    const { address = id, port = '' } = parseEndpointNodeId(id) ?? {};
    const known = places.get(`${address};${port}`);
    if (known === undefined || rank(id) > rank(known)) places.set(`${address};${port}`, id);
  }
  return places.size === adjacency.length ? adjacency : [...places.values()];
}

/** The endpoint that `id` is a NAT copy of, or `id` itself. */
export function canonicalEndpoint(id: string, nodes: ReadonlyMap<string, Node>): string {
  return latestOf(nodes.get(id), 'copy_of') ?? id;
}
