/**
 * The app put together: requests here, the engine (window and views) in a thread of its own.
 */
import { randomBytes } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import websocket from '@fastify/websocket';
import { fastify, LogController, type FastifyBaseLogger } from 'fastify';
import { Credentials } from './auth/credentials.js';
import { checkExposure } from './auth/exposure.js';
import { guard } from './auth/guard.js';
import { KnownHosts } from './auth/known-hosts.js';
import { Sessions } from './auth/sessions.js';
import { signInRoutes } from './auth/sign-in.js';
import { EngineClient } from './engine/client.js';
import { AppError } from './errors.js';
import { compressAnswers } from './http/compression.js';
import { answerUnchanged } from './http/etags.js';
import { answerFaults } from './http/faults.js';
import { grafanaApi } from './http/grafana-api.js';
import { healthRoutes } from './http/health.js';
import { metricsRoute } from './http/app-metrics.js';
import { page } from './http/page.js';
import { v1Api } from './http/v1-api.js';
import { scopeApi } from './http/scope-api.js';
import { Room } from './bodies/room.js';
import { flowsRoute } from './ingest/flows-route.js';
import { Intake } from './ingest/intake.js';
import { reportRoute } from './ingest/report-route.js';
import { listen, type ListenAddress } from './listen.js';
import { liveRoute, type LiveCount } from './live/live-route.js';
import { CLIENT_MESSAGE_MAX_BYTES } from './live/session.js';
import { ViewCache } from './engine/view-cache.js';
import { superviseRequests } from './http/supervision.js';
import { settingsFrom, type AppOptions, type AppSettings } from './options.js';

export interface App {
  /** Binds and answers the URL. @throws AppError LISTEN_… */
  listen(address: ListenAddress): Promise<URL>;
  /** Ends requests under way, WebSockets and the listener; idempotent. */
  close(): Promise<void>;
}

/** Longest a request may take to arrive, so that a stalled sender holds nothing for ever. */
const REQUEST_TIMEOUT_MS = 60_000;

/** @throws AppError BAD_TLS */
export async function createApp(options: AppOptions = {}): Promise<App> {
  const settings = settingsFrom(options);
  const appId = randomBytes(8).toString('hex');
  const log: FastifyBaseLogger = settings.log;
  const credentials = new Credentials(settings.auth);
  const knownHosts = knownHostsFor(settings, credentials);
  const server = fastify({
    ...(settings.tls === undefined ? {} : { https: tlsOptions(settings.tls) }),
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 2_000 },
  });
  const engine = new EngineClient({
    settings: { windowMs: settings.windowMs, views: settings.views, ...settings.limits },
    clock: settings.clock,
    log: settings.log,
  });
  const viewCache = new ViewCache(engine);

  const live: LiveCount = { clients: 0 };
  const room = new Room(
    settings.limits.inFlightBytes,
    'refused a report: those that are being taken in have all the room there is (--max-waiting)',
  );
  const intake = new Intake(room, settings.limits);
  const sessions = new Sessions(appId);

  answerFaults(server);
  answerUnchanged(server);
  compressAnswers(server);
  // Bodies are read by the routes that want one, under their own bounds.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  superviseRequests(server, settings);
  await server.register(websocket, { options: { maxPayload: CLIENT_MESSAGE_MAX_BYTES } });
  // After the WebSocket plugin, which must have seen an upgrade to end its socket when the guard refuses it.
  guard(server, { credentials, sessions, knownHosts, allowedOrigins: settings.allowedOrigins });
  metricsRoute(server, { engine, room, live, counters: settings.counters });
  await server.register((scope, _options, done) => {
    reportRoute(scope, { appId, engine, intake });
    flowsRoute(scope, { appId, engine, intake });
    scopeApi(scope, { appId, engine, viewCache, settings });
    liveRoute(scope, { viewCache, live, sessions, maxClients: settings.limits.webSockets });
    signInRoutes(scope, { credentials, sessions, isTls: settings.tls !== undefined });
    v1Api(scope, engine, settings.version);
    grafanaApi(scope, engine);
    healthRoutes(scope, engine);
    done();
  });
  await page(server, settings.webRoot);

  let closing: Promise<void> | undefined;
  return {
    listen: async (address) => {
      knownHosts.add(address.host);
      checkExposure(address.host, credentials.required, settings.publicWithoutAuth, settings.log);
      return listen(server, address, settings.tls !== undefined);
    },
    close: () => {
      sessions.close();
      return (closing ??= server.close().then(() => engine.close()));
    },
  };
}

/** Whoever has to identify himself may call the app what he likes: another site's page does not know his secret. */
function knownHostsFor(settings: AppSettings, credentials: Credentials): KnownHosts {
  const { allowedHosts, allowedOrigins, hostname, tls } = settings;
  const isIdentified = credentials.required || tls?.ca !== undefined;
  if (allowedHosts === 'any' || (isIdentified && allowedHosts.length === 0)) return new KnownHosts('any');
  return new KnownHosts([
    ...allowedHosts,
    ...allowedOrigins.map((origin) => new URL(origin).hostname),
    hostname,
  ]);
}

/** With an authority, only clients that show a certificate of it get in. @throws AppError BAD_TLS */
function tlsOptions({ cert, key, ca }: { cert: string; key: string; ca?: string }): ServerOptions {
  const trust = ca === undefined ? {} : { ca };
  try {
    createSecureContext({ cert, key, ...trust });
  } catch (cause) {
    throw new AppError('BAD_TLS', `cannot serve TLS: ${(cause as Error).message}`, { cause });
  }
  return {
    cert,
    key,
    ...trust,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
  };
}
