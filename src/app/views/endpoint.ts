/**
 * What an endpoint says about itself: its id taken apart, and who owns it as far as a probe could tell.
 */
import type { Node } from '../../report/model.js';

/** One side of a connection, as views place it. */
export interface EndpointFacts {
  /** Host node id (`vm;<host>`) of the machine whose probe saw this side's process; absent when no probe did. */
  readonly hostNode: string | undefined;
  readonly pid: string | undefined;
  /** Empty for addresses that mean the same everywhere. */
  readonly scope: string;
  readonly address: string;
  readonly port: string;
  /** Opens connections itself (has adjacency). */
  readonly opens: boolean;
  /** Several different peers were seen under one source port: the PID cannot be trusted for all of them. */
  readonly ambiguous: boolean;
}

export interface EndpointId {
  readonly scope: string;
  readonly address: string;
  readonly port: string;
}

/** Takes `scope;address;port` apart; undefined when it is not of that form. */
export function parseEndpointId(id: string): EndpointId | undefined {
  const first = id.indexOf(';');
  if (first < 0) return undefined;
  const second = id.indexOf(';', first + 1);
  if (second < 0 || id.includes(';', second + 1)) return undefined;
  return { scope: id.slice(0, first), address: id.slice(first + 1, second), port: id.slice(second + 1) };
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
 * True when the adjacency leads to more than one *real* endpoint. NAT copies stand for the endpoint they copy.
 * `nodes` are the report's endpoints.
 */
export function hasSeveralPeers(adjacency: readonly string[], nodes: ReadonlyMap<string, Node>): boolean {
  if (adjacency.length < 2) return false;
  let first: string | undefined;
  for (const id of adjacency) {
    const real = canonicalEndpoint(id, nodes);
    first ??= real;
    if (first !== real) return true;
  }
  return false;
}

/** The endpoint that `id` is a NAT copy of, or `id` itself. */
export function canonicalEndpoint(id: string, nodes: ReadonlyMap<string, Node>): string {
  return latestOf(nodes.get(id), 'copy_of') ?? id;
}
