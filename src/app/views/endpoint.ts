/**
 * What an endpoint says about itself: its id taken apart, and who owns it as far as a probe could tell.
 */
import type { Node } from '../../report/model.js';

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
  const real = adjacency.filter((id) => latestOf(nodes.get(id), 'copy_of') === undefined);
  if (real.length > 0) return real;
  const behind = new Map<string, string>();
  for (const id of adjacency) {
    const canonical = canonicalEndpoint(id, nodes);
    if (!behind.has(canonical)) behind.set(canonical, id);
  }
  return Array.from(behind.values());
}

/** The endpoint that `id` is a NAT copy of, or `id` itself. */
export function canonicalEndpoint(id: string, nodes: ReadonlyMap<string, Node>): string {
  return latestOf(nodes.get(id), 'copy_of') ?? id;
}
