/**
 * `/api/topology/:view/ws?t=1s`: a view as it changes.
 */
import type { FastifyInstance } from 'fastify';
import { knownView } from '../http/scope-api.js';
import { optionsFrom } from '../http/query.js';
import type { Renderer } from '../render/renderer.js';
import { intervalMsFrom } from './interval.js';
import { Session } from './session.js';

export function liveRoute(server: FastifyInstance, renderer: Renderer): void {
  server.get<{ Params: { view: string } }>(
    '/api/topology/:view/ws',
    {
      websocket: true,
      // Before the upgrade, so that a wrong question gets an HTTP answer.
      preValidation: async (request) => {
        const options = optionsFrom(request.query);
        knownView(request.params.view);
        intervalMsFrom(options.get('t'));
        await Promise.resolve();
      },
    },
    (socket, request) => {
      const options = optionsFrom(request.query);
      const view = knownView(request.params.view);
      new Session(socket, {
        intervalMs: intervalMsFrom(options.get('t')),
        current: () => renderer.render(view, options).nodes,
        ended: () => undefined,
        failed: (error) => request.log.error({ err: error, view: view.id }, 'cannot render for a WebSocket'),
      });
    },
  );
}
