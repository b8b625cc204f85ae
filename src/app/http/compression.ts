/**
 * Answers made smaller for whoever can read that: gzip for texts of some size.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

const WORTH_BYTES = 1_400;
/** Fast: views change every second. */
const LEVEL = 2;
const TEXTUAL = /^(application\/json|text\/)/;
const squeeze = promisify(gzip);

export function compressAnswers(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    const type = reply.getHeader('content-type');
    if (typeof type !== 'string' || !TEXTUAL.test(type) || Buffer.byteLength(payload) < WORTH_BYTES)
      return payload;
    void reply.header('vary', 'accept-encoding');
    if (!/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(request.headers['accept-encoding'] ?? ''))
      return payload;
    void reply.header('content-encoding', 'gzip').removeHeader('content-length');
    return squeeze(payload, { level: LEVEL });
  });
}
