/**
 * `POST /api/report`: one report of one probe into the window. A report that is refused leaves the window as it was.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { AppSettings } from '../options.js';
import type { ProbeIdentity } from '../window/probe-book.js';
import type { Window } from '../window/window.js';
import { AppError } from '../errors.js';
import { readBody } from './body.js';
import { decodeBody, formatOf } from './decode.js';

export function reportRoute(server: FastifyInstance, window: Window, settings: AppSettings): void {
  const { limits } = settings;
  server.post('/api/report', async (request, reply) => {
    const format = formatOf(request.headers['content-type']);
    if (Number(request.headers['content-length'] ?? 0) > limits.compressedBytes) {
      throw new AppError('BODY_TOO_LARGE', `refused a body of more than ${limits.compressedBytes} bytes`);
    }
    const stream = request.body as IncomingMessage | undefined;
    const body =
      stream === undefined
        ? Buffer.alloc(0)
        : await readBody(stream, request.headers['content-encoding'], limits);
    const report = decodeBody(body, format, limits);
    window.add(probeOf(request.headers), report);
    return reply.code(200).send();
  });
}

const PROBE_TEXT_MAX = 128;

function probeOf(headers: IncomingMessage['headers']): ProbeIdentity {
  return {
    id: text(headers['x-scope-probe-id']) || 'anonymous',
    version: text(headers['x-scope-probe-version']),
  };
}

function text(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header)?.slice(0, PROBE_TEXT_MAX) ?? '';
}
