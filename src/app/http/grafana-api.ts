/**
 * What Grafana's Node Graph API data source asks for: the fields of nodes and edges, and the graph.
 */
import type { FastifyInstance } from 'fastify';
import type { EngineClient } from '../engine/client.js';
import { knownView } from '../engine/engine.js';
import { optionsFor, parametersOf } from './query.js';

const NODE_FIELDS = [
  { field_name: 'id', type: 'string' },
  { field_name: 'title', type: 'string' },
  { field_name: 'subTitle', type: 'string' },
  { field_name: 'mainStat', type: 'number', displayName: 'Connections' },
] as const;

const EDGE_FIELDS = [
  { field_name: 'id', type: 'string' },
  { field_name: 'source', type: 'string' },
  { field_name: 'target', type: 'string' },
  { field_name: 'mainStat', type: 'number', displayName: 'Connections' },
  { field_name: 'secondaryStat', type: 'number', displayName: 'Bytes' },
] as const;

/** Grafana draws no more usefully. */
const EDGES_MAX = 5_000;

export function grafanaApi(server: FastifyInstance, engine: EngineClient): void {
  server.get('/api/health', () => 'API is working well!');
  server.get('/api/graph/fields', () => ({ nodes_fields: NODE_FIELDS, edges_fields: EDGE_FIELDS }));
  /** `?view=hosts` and the view's own options choose what is drawn. */
  server.get('/api/graph/data', async (request) => {
    const view = knownView(parametersOf(request.query).get('view') ?? 'processes-by-name');
    const options = optionsFor(view, request.query);
    const [names, { edges }] = await Promise.all([
      engine.call('nodeNames', [view.id, options]),
      engine.call('edges', [view.id, options, EDGES_MAX]),
    ]);
    const connections = new Map<string, number>();
    for (const edge of edges) {
      for (const id of new Set([edge.from, edge.to]))
        connections.set(id, (connections.get(id) ?? 0) + edge.connections);
    }
    return {
      nodes: names.map(({ id, label, labelMinor }) => ({
        id,
        title: label,
        subTitle: labelMinor,
        mainStat: connections.get(id) ?? 0,
      })),
      edges: edges.map((edge) => ({
        id: `${edge.from}→${edge.to}`,
        source: edge.from,
        target: edge.to,
        mainStat: edge.connections,
        secondaryStat: edge.bytesSent + edge.bytesReceived,
      })),
    };
  });
}
