/** A report as a Graphviz graph of processes: one edge per pair, labelled with its number of connections. */
import { FACT, latestOf, numberOf } from '../report/keys.js';
import type { Node, Report } from '../report/model/model.js';
import { visibleText } from './visible-text.js';

/** DOT text; endpoints whose process is not known stand for themselves by address and port. */
export function reportToDot(report: Report): string {
  const endpoints = report.topologies.get('Endpoint')?.nodes ?? new Map<string, Node>();
  const processes = report.topologies.get('Process')?.nodes ?? new Map<string, Node>();
  const edges = new Map<string, { from: string; to: string; connections: number }>();
  const labels = new Map<string, string>();

  const owner = (endpointId: string): string => {
    const endpoint = endpoints.get(endpointId);
    const pid = latestOf(endpoint, FACT.pid);
    const host = latestOf(endpoint, FACT.hostNodeId)?.split(';')[0];
    if (pid === undefined || host === undefined) {
      const [, address, port] = endpointId.split(';');
      labels.set(endpointId, `${address ?? ''}:${port ?? ''}`);
      return endpointId;
    }
    const id = `${host};${pid}`;
    labels.set(id, `${latestOf(processes.get(id), FACT.name) ?? 'unknown'} (${pid})`);
    return id;
  };

  for (const endpoint of endpoints.values()) {
    for (const to of endpoint.adjacency ?? []) {
      const pair = { from: owner(endpoint.id), to: owner(to) };
      const key = JSON.stringify(pair);
      const connections = numberOf(endpoint, FACT.connCount) ?? 1;
      edges.set(key, { ...pair, connections: (edges.get(key)?.connections ?? 0) + connections });
    }
  }

  const lines = [...labels].map(([id, label]) => `  ${quote(id)} [label=${quote(label)}];`);
  for (const { from, to, connections } of edges.values()) {
    lines.push(`  ${quote(from)} -> ${quote(to)} [label="${connections}"];`);
  }
  return `digraph connections {\n  rankdir=LR;\n  node [shape=box];\n${lines.join('\n')}\n}\n`;
}

/**
 * A DOT string: the quote and the backslash are special in it, and in labels the ampersand, which begins an entity there: a
 * program that calls itself `&#1;` would put that very character into the picture.
 */
function quote(text: string): string {
  return `"${visibleText(text).replaceAll('&', '&amp;').replace(/["\\]/g, '\\$&')}"`;
}
