/** Whether the app lives, and whether it can serve. */
import type { FastifyInstance } from 'fastify';
import type { EngineClient } from '../engine/client.js';

/** An engine that does not answer for this long is not ready. */
const READY_WITHIN_MS = 2_000;

export function healthRoutes(server: FastifyInstance, engine: EngineClient): void {
  server.get('/health', () => ({ status: 'alive' }));
  server.get('/ready', async (_request, reply) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), READY_WITHIN_MS)));
    const answered = engine.call('counts', []).then(
      () => true,
      () => false,
    );
    const ready = await Promise.race([answered, late]);
    clearTimeout(timer);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'busy' });
  });
}
