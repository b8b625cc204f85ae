/**
 * Scope's HTTP API: the same paths and JSON, so that what was made for Scope goes on working.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeReport, reportToJson } from '../../report/index.js';
import { AppError } from '../errors.js';
import type { AppSettings } from '../options.js';
import type { Renderer } from '../render/renderer.js';
import { viewById, VIEWS, type View } from '../views/catalogue.js';
import { nodeDetails } from '../views/details.js';
import type { Window } from '../window/window.js';
import { topologyEntry } from './menu.js';
import { optionsFrom } from './query.js';

export interface ScopeApiParts {
  /** Tells this app from others, so that a probe given two of its URLs sends once. */
  readonly appId: string;
  readonly window: Window;
  readonly renderer: Renderer;
  readonly settings: AppSettings;
}

export function scopeApi(
  server: FastifyInstance,
  { appId, window, renderer, settings }: ScopeApiParts,
): void {
  server.get('/api', () => ({
    id: appId,
    version: settings.version,
    hostname: settings.hostname,
    capabilities: { historic_reports: false },
    plugins: [],
  }));

  server.get('/api/report', (request, reply) => {
    refuseHistory(request);
    const report = window.newestReport();
    if ((request.headers.accept ?? '').includes('msgpack')) {
      return reply.type('application/msgpack').send(encodeReport(report));
    }
    return json(reply, reportToJson(report));
  });

  server.get('/api/probes', (request) => {
    const probes = window.probes();
    if ('sparse' in (request.query as object)) return probes.length > 0;
    return probes.map(({ id, hostname, version, lastSeenMs }) => ({
      id,
      hostname,
      version,
      lastSeen: new Date(lastSeenMs).toISOString(),
    }));
  });

  server.get('/api/topology', (request) => {
    refuseHistory(request);
    const options = optionsFrom(request.query);
    return VIEWS.filter(({ parent }) => parent === undefined).map((view) =>
      topologyEntry(renderer, view, options),
    );
  });

  server.get<{ Params: { view: string } }>('/api/topology/:view', (request, reply) => {
    refuseHistory(request);
    const { body, etag } = renderer.render(knownView(request.params.view), optionsFrom(request.query));
    void reply.header('etag', etag).header('cache-control', 'no-cache');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return json(reply, body);
  });

  server.get<{ Params: { view: string; '*': string } }>('/api/topology/:view/*', (request) => {
    refuseHistory(request);
    const view = knownView(request.params.view);
    const id = request.params['*'];
    const options = optionsFrom(request.query);
    const shown = renderer.graph(view, options);
    // A node that options hide still has its page: people follow links to it.
    const { scene, graph } = shown.graph.nodes.has(id) ? shown : renderer.whole(view);
    const node = graph.nodes.get(id);
    if (node === undefined)
      throw new AppError('NO_SUCH_NODE', `no node ${JSON.stringify(id.slice(0, 200))} in view ${view.id}`);
    return { node: nodeDetails(scene.report, view.id, graph, node) };
  });
}

export function knownView(id: string): View {
  const view = viewById(id);
  if (view === undefined) throw new AppError('NO_SUCH_VIEW', `no view ${JSON.stringify(id.slice(0, 80))}`);
  return view;
}

/** Sends text that is JSON already. */
function json(reply: FastifyReply, text: string | Buffer): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}

/** A question about the past must not be answered with the present. */
function refuseHistory(request: FastifyRequest): void {
  if ('timestamp' in (request.query as object))
    throw new AppError('NO_HISTORY', 'cannot answer for a time in the past');
}
