/**
 * `/api/topology/:view/ws?t=1s`: a view as it changes.
 */
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';
import { knownView } from '../engine/engine.js';
import { optionsFor, parametersOf } from '../http/query.js';
import { refuseHistory } from '../http/scope-api.js';
import type { Sessions } from '../auth/sessions.js';
import type { ViewCache } from '../engine/view-cache.js';
import { intervalMsFrom } from './interval.js';
import { Session } from './session.js';

/** How many clients there are. */
export interface LiveCount {
  clients: number;
}

const RETRY_AFTER_SECONDS = 10;

export interface LiveParts {
  readonly viewCache: ViewCache;
  readonly live: LiveCount;
  readonly sessions: Sessions;
  readonly maxClients: number;
}

/** Whoever opened a WebSocket with a session has no right to it after that. */
const SIGNED_OUT = 4401;

export function liveRoute(
  server: FastifyInstance,
  { viewCache, live, sessions, maxClients }: LiveParts,
): void {
  server.get<{ Params: { view: string } }>(
    '/api/topology/:view/ws',
    {
      websocket: true,
      // Before the upgrade, so that a wrong question gets an HTTP answer.
      preValidation: async (request) => {
        refuseHistory(request);
        knownView(request.params.view);
        intervalMsFrom(parametersOf(request.query).get('t'));
        if (live.clients >= maxClients) {
          throw new AppError('TOO_MANY_CLIENTS', `refused a WebSocket: there are ${maxClients} already`, {
            retryAfterSeconds: RETRY_AFTER_SECONDS,
          });
        }
        await Promise.resolve();
      },
    },
    (socket, request) => {
      const view = knownView(request.params.view);
      const cachedView = viewCache.of(view.id, optionsFor(view, request.query));
      live.clients++;
      const stay = sessions.whenEnded(request.headers.cookie, () => socket.close(SIGNED_OUT, 'signed out'));
      new Session(socket, {
        intervalMs: intervalMsFrom(parametersOf(request.query).get('t')),
        current: () => cachedView.refresh(),
        ended: () => {
          live.clients--;
          stay();
        },
        failed: (error) => request.log.error({ err: error, view: view.id }, 'cannot render for a WebSocket'),
      });
    },
  );
}
