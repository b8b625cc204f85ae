/** Which nodes a search finds: every word must occur in the node's names, facts or parents. Pure. */
import type { NodeSummary } from '../api/wire.js';

/** Undefined for an empty search. */
export function searchNodes(nodes: Iterable<NodeSummary>, query: string): Set<string> | undefined {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return undefined;
  const found = new Set<string>();
  for (const node of nodes) {
    const text = textOf(node);
    if (words.every((word) => text.includes(word))) found.add(node.id);
  }
  return found;
}

function textOf(node: NodeSummary): string {
  const parts = [node.label, node.labelMinor, node.id];
  for (const { value } of node.metadata) parts.push(value);
  for (const { label } of node.parents) parts.push(label);
  return parts.join('\n').toLowerCase();
}
