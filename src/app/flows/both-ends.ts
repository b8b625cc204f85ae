/**
 * One connection as the probes at its two ends tell it. Both describe the client's endpoint; only the one beside the
 * client knows who owns it. Merging keeps the later of two numbers: here they stay apart, so that they can be compared.
 */
import { mergeNodes } from '../../report/index.js';
import type { Node } from '../../report/model/model.js';
import { latestOf } from './endpoint.js';

export interface BothEnds {
  /** The client's endpoint as told beside the client. */
  readonly client: Node;
  /** The same as told from the server's side. */
  readonly server: Node;
}

/** Whether a version of a client's endpoint comes from beside the client. */
export function isClientsView(node: Node): boolean {
  return latestOf(node, 'host_node_id') !== undefined;
}

/** Both ends' views among the versions of one endpoint; undefined when only one end speaks. */
export function bothEndsOf(versions: readonly Node[]): BothEnds | undefined {
  if (versions.length < 2) return undefined;
  const client = versions.filter(isClientsView);
  if (client.length === 0 || client.length === versions.length) return undefined;
  return { client: mergeNodes(client), server: mergeNodes(versions.filter((node) => !isClientsView(node))) };
}
