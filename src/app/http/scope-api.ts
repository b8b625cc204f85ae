/**
 * Scope's HTTP API: the same paths and JSON, so that what was made for Scope goes on working.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FLOWS_HEADER, FLOWS_VERSION } from '../../flows/exchange.js';
import type { EngineClient } from '../engine/client.js';
import { knownView } from '../engine/engine.js';
import { AppError } from '../errors.js';
import type { ViewCache } from '../engine/view-cache.js';
import type { AppSettings } from '../options.js';
import type { ProbeRecord } from '../window/probe-registry.js';
import { optionsFor, parametersOf } from './query.js';

export interface ScopeApiParts {
  /** Tells this app from others, so that a probe given two of its URLs sends once. */
  readonly appId: string;
  readonly engine: EngineClient;
  readonly viewCache: ViewCache;
  readonly settings: AppSettings;
}

/** How long a request waits for the newest state before it is given the last one made. */
const PATIENCE_MS = 10;

/**
 * Scope's probes read capabilities as booleans (`Details` in its common/xfer/constants.go): with a number among them they
 * take the whole answer for broken and report nothing. Ours have the same name, and say that they state flows.
 */
function isScopeProbe(headers: IncomingHttpHeaders): boolean {
  return headers['user-agent']?.startsWith('Scope_Probe/') === true && headers[FLOWS_HEADER] === undefined;
}

export function scopeApi(
  server: FastifyInstance,
  { appId, engine, viewCache, settings }: ScopeApiParts,
): void {
  server.get('/api', ({ headers }) => ({
    id: appId,
    version: settings.version,
    hostname: settings.hostname,
    capabilities: { historic_reports: false, ...(!isScopeProbe(headers) && { flows: FLOWS_VERSION }) },
    plugins: [],
  }));

  server.get('/api/report', async (request, reply) => {
    refuseHistory(request);
    const format = (request.headers.accept ?? '').includes('msgpack') ? 'msgpack' : 'json';
    const bytes = Buffer.from(await engine.call('report', [format]));
    return format === 'msgpack' ? reply.type('application/msgpack').send(bytes) : json(reply, bytes);
  });

  server.get('/api/probes', async (request) => {
    refuseHistory(request);
    const probes = await engine.call('probes', []);
    return parametersOf(request.query).has('sparse') ? probes.length > 0 : probes.map(probeEntry);
  });

  server.get('/api/topology', async (request, reply) => {
    refuseHistory(request);
    return json(reply, await engine.call('menu', [parametersOf(request.query)]));
  });

  server.get<{ Params: { view: string } }>('/api/topology/:view', async (request, reply) => {
    refuseHistory(request);
    const view = knownView(request.params.view);
    const cachedView = viewCache.of(view.id, optionsFor(view, request.query));
    const { body, etag } = await (settings.views === 'newest'
      ? cachedView.refresh()
      : cachedView.read(PATIENCE_MS));
    return json(reply.header('etag', etag), body);
  });

  server.get<{ Params: { view: string; '*': string } }>('/api/topology/:view/*', async (request, reply) => {
    refuseHistory(request);
    const view = knownView(request.params.view);
    return json(
      reply,
      await engine.call('details', [view.id, request.params['*'], optionsFor(view, request.query)]),
    );
  });
}

function probeEntry({ id, hostname, version, lastSeenMs, staleSinceMs }: ProbeRecord): object {
  return {
    id,
    hostname,
    version,
    lastSeen: new Date(lastSeenMs).toISOString(),
    ...(staleSinceMs === undefined ? {} : { staleSince: new Date(staleSinceMs).toISOString() }),
  };
}

/** Sends text that is JSON already. */
export function json(reply: FastifyReply, text: string | Buffer): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}

/** A question about the past must not be answered with the present. @throws AppError NO_HISTORY */
export function refuseHistory(request: FastifyRequest): void {
  if (parametersOf(request.query).has('timestamp'))
    throw new AppError('NO_HISTORY', 'cannot answer for a time in the past');
}
