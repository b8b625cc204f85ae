/**
 * The app put together: requests here, the engine (window and views) in a thread of its own.
 */
import { randomBytes } from 'node:crypto';
import websocket from '@fastify/websocket';
import { fastify, LogController, type FastifyBaseLogger } from 'fastify';
import { EngineClient } from './engine/client.js';
import { answerFaults } from './http/faults.js';
import { page } from './http/page.js';
import { scopeApi } from './http/scope-api.js';
import { reportRoute } from './ingest/route.js';
import { listen, type ListenAddress } from './listen.js';
import { liveRoute } from './live/route.js';
import { CLIENT_MESSAGE_MAX_BYTES } from './live/session.js';
import { Mirrors } from './mirror/mirror.js';
import { settingsFrom, type AppOptions } from './options.js';

export interface App {
  /** Binds and answers the URL. @throws AppError LISTEN_… */
  listen(address: ListenAddress): Promise<URL>;
  /** Ends requests under way, WebSockets and the listener; idempotent. */
  close(): Promise<void>;
}

/** Longest a request may take to arrive, so that a stalled sender holds nothing for ever. */
const REQUEST_TIMEOUT_MS = 60_000;

export async function createApp(options: AppOptions = {}): Promise<App> {
  const settings = settingsFrom(options);
  const log: FastifyBaseLogger = settings.log;
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 2_000 },
  });
  const engine = new EngineClient({
    settings: { windowMs: settings.windowMs, ...settings.limits },
    clock: settings.clock,
    log: settings.log,
  });
  const mirrors = new Mirrors(engine);

  answerFaults(server);
  // Bodies are read by the routes that want one, under their own bounds.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  await server.register(websocket, { options: { maxPayload: CLIENT_MESSAGE_MAX_BYTES } });
  await server.register((scope, _options, done) => {
    reportRoute(scope, engine, settings);
    scopeApi(scope, { appId: randomBytes(8).toString('hex'), engine, mirrors, settings });
    liveRoute(scope, mirrors);
    done();
  });
  await page(server, settings.webRoot);

  let closing: Promise<void> | undefined;
  return {
    listen: (address) => listen(server, address, false),
    close: () => (closing ??= server.close().then(() => engine.close())),
  };
}
