/**
 * Errors that nobody handles: one that comes of a request ends that request's connection, and one of the listening socket
 * (no memory or descriptors for a connection) is logged. The app serves the others on.
 */
import type { FastifyInstance } from 'fastify';
import type { AppSettings } from '../options.js';

export function superviseRequests(
  server: FastifyInstance,
  { superviseRequest }: Pick<AppSettings, 'superviseRequest'>,
): void {
  server.addHook('onRequest', (request, _reply, done) => {
    superviseRequest(() => request.raw.socket.destroy(), done);
  });
  server.addHook('onListen', (done) => {
    server.server.on('error', (error) => {
      server.log.warn({ err: error }, 'the app could not take a connection');
    });
    done();
  });
}
