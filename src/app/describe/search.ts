/**
 * Finding nodes by what they are called or know about themselves.
 */
import type { Report } from '../../report/model/model.js';
import type { ViewGraph } from '../views/graph.js';
import { nameNode } from './labels.js';

export interface Found {
  readonly view: string;
  readonly id: string;
  readonly label: string;
  readonly labelMinor: string;
  /** What matched: `label`, `id` or a fact's key. */
  readonly field: string;
  readonly value: string;
}

/** Nodes of one view that have `text` in label, id or a fact, whatever its case; at most `limit`. */
export function searchGraph(
  report: Report,
  viewId: string,
  graph: ViewGraph,
  text: string,
  limit: number,
): Found[] {
  const wanted = text.toLowerCase();
  const found: Found[] = [];
  for (const view of graph.nodes.values()) {
    if (found.length >= limit) break;
    const { label, labelMinor } = nameNode(report, view);
    const facts: [string, string][] = [
      ['label', label],
      ['labelMinor', labelMinor],
      ['id', view.id],
    ];
    for (const [key, { value }] of view.node?.latest ?? []) facts.push([key, value]);
    const match = facts.find(([, value]) => value.toLowerCase().includes(wanted));
    if (match !== undefined)
      found.push({ view: viewId, id: view.id, label, labelMinor, field: match[0], value: match[1] });
  }
  return found;
}
