/**
 * `/metrics` for Prometheus. What grows with the fleet is bounded: the edges with most bytes by name, the rest summed.
 */
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { EngineClient } from '../engine/client.js';
import type { Room } from '../bodies/room.js';

/** Edges of the hosts view that have a series of their own. */
const EDGES_MAX = 50;
const REST = 'other';

export interface MetricsParts {
  readonly engine: EngineClient;
  readonly room: Room;
  /** WebSocket clients, now. */
  readonly live: { readonly clients: number };
  /** Monotonic: `topoprobe_app_<name>`. */
  readonly counters: () => Readonly<Record<string, number>>;
}

export function metricsRoute(server: FastifyInstance, { engine, room, live, counters }: MetricsParts): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'topoprobe_app_' });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `topoprobe_${name}`, help, labelNames, registers: [registry] });
  const answers = new Counter({
    name: 'topoprobe_http_answers_total',
    help: 'Answers by route and status class',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const accepted = gauge('reports_accepted', 'Reports taken in since the engine started');
  const refused = gauge('reports_refused', 'Reports refused because the window was full');
  const parts = gauge('window_parts', 'Distinct facts held');
  const flows = gauge('window_flows', 'Flows held, as each probe states them');
  const bytesHeld = gauge('window_bytes', 'Estimated bytes of the facts held');
  const waiting = gauge('reports_waiting_bytes', 'Bytes taken by reports that arrive or wait to be taken in');
  const held = gauge('window_reports', 'Reports that count now');
  const probes = gauge('probes', 'Probes that report', ['state']);
  const restarts = gauge('engine_restarts', 'Times the engine was replaced after a failure');
  const clients = gauge('websocket_clients', 'WebSocket clients connected');
  const connections = gauge('edge_connections', 'Connections between machines in the window', ['from', 'to']);
  const bytes = gauge('edge_bytes', 'Payload bytes between machines in the window, both directions', [
    'from',
    'to',
  ]);

  const ofProgram = new Map<string, Gauge>();

  server.addHook('onResponse', (request, reply, done) => {
    answers.inc({
      route: request.routeOptions.url ?? 'none',
      status: `${Math.floor(reply.statusCode / 100)}xx`,
    });
    done();
  });

  server.get('/metrics', async (_request, reply) => {
    const [counts, records, { edges }] = await Promise.all([
      engine.call('counts', []),
      engine.call('probes', []),
      engine.call('edges', ['hosts', new Map(), Number.MAX_SAFE_INTEGER]),
    ]);
    accepted.set(counts.accepted);
    refused.set(counts.refused);
    parts.set(counts.parts);
    flows.set(counts.flows);
    bytesHeld.set(counts.bytes);
    waiting.set(room.takenBytes);
    held.set(counts.reports);
    const stale = records.filter(({ staleSinceMs }) => staleSinceMs !== undefined).length;
    probes.set({ state: 'fresh' }, records.length - stale);
    probes.set({ state: 'stale' }, stale);
    restarts.set(engine.restarts);
    clients.set(live.clients);
    for (const [name, value] of Object.entries(counters())) {
      let counter = ofProgram.get(name);
      if (counter === undefined) {
        counter = gauge(`app_${name.replaceAll('-', '_')}`, `${name.replaceAll('_', ' ')} since the start`);
        ofProgram.set(name, counter);
      }
      counter.set(value);
    }
    connections.reset();
    bytes.reset();
    edges.forEach((edge, index) => {
      const labels =
        index < EDGES_MAX ? { from: edge.fromLabel, to: edge.toLabel } : { from: REST, to: REST };
      connections.inc(labels, edge.connections);
      bytes.inc(labels, edge.bytesSent + edge.bytesReceived);
    });
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
