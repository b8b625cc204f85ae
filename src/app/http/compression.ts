/**
 * Answers made smaller for whoever can read that: texts of some size.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { chooseEncoding } from './accept-encoding.js';

const WORTH_BYTES = 1_400;
/** Fast: views change every second. */
const GZIP_LEVEL = 2;
const BROTLI_QUALITY = 3;
const TEXTUAL = /^(application\/json|text\/)/;
const zip = promisify(gzip);
const brotli = promisify(brotliCompress);

export function compressAnswers(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    const type = reply.getHeader('content-type');
    if (typeof type !== 'string' || !TEXTUAL.test(type) || Buffer.byteLength(payload) < WORTH_BYTES)
      return payload;
    void reply.header('vary', 'accept-encoding');
    const encoding = chooseEncoding(request.headers['accept-encoding']);
    if (encoding === 'identity') return payload;
    void reply.header('content-encoding', encoding).removeHeader('content-length');
    if (encoding === 'gzip') return zip(payload, { level: GZIP_LEVEL });
    return brotli(payload, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
  });
}
