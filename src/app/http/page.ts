/**
 * The built page and its assets at `/`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Serves `webRoot`; without a built page, `/` says so in plain words. */
export async function page(server: FastifyInstance, webRoot: string | undefined): Promise<void> {
  if (webRoot !== undefined && existsSync(join(webRoot, 'index.html'))) {
    await server.register(fastifyStatic, { root: webRoot, index: ['index.html'] });
    return;
  }
  server.get('/', (_request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send('The dashboard is not built here: run `make build`. The API is at /api.\n'),
  );
}
