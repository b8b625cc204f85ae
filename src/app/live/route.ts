/**
 * `/api/topology/:view/ws?t=1s`: a view as it changes.
 */
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';
import { knownView } from '../engine/engine.js';
import { optionsFor, parametersOf } from '../http/query.js';
import { refuseHistory } from '../http/scope-api.js';
import type { Mirrors } from '../mirror/mirror.js';
import { intervalMsFrom } from './interval.js';
import { Session } from './session.js';

/** How many clients there are. */
export interface LiveCount {
  clients: number;
}

const RETRY_AFTER_SECONDS = 10;

export function liveRoute(
  server: FastifyInstance,
  mirrors: Mirrors,
  counted: LiveCount,
  maxClients: number,
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
        if (counted.clients >= maxClients) {
          throw new AppError('TOO_MANY_CLIENTS', `refused a WebSocket: there are ${maxClients} already`, {
            retryAfterSeconds: RETRY_AFTER_SECONDS,
          });
        }
        await Promise.resolve();
      },
    },
    (socket, request) => {
      const view = knownView(request.params.view);
      const mirror = mirrors.of(view.id, optionsFor(view, request.query));
      counted.clients++;
      new Session(socket, {
        intervalMs: intervalMsFrom(parametersOf(request.query).get('t')),
        current: async () => (await mirror.refresh()).nodes,
        ended: () => counted.clients--,
        failed: (error) => request.log.error({ err: error, view: view.id }, 'cannot render for a WebSocket'),
      });
    },
  );
}
