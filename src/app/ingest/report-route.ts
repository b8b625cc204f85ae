/**
 * `POST /api/report`: one report of one probe into the window. A report that is refused leaves the window as it was.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { EngineClient } from '../engine/client.js';
import { OneAtATime } from './one-at-a-time.js';
import type { AppSettings } from '../options.js';
import { Blocks } from '../bodies/blocks.js';
import { readBody } from '../bodies/body.js';
import { formatOf } from '../decode/decode.js';
import { probeOf } from './probe-identity.js';
import { Rates } from './rates.js';
import type { Room } from '../bodies/room.js';

/** The app's id, in every answer to a report: a probe that built on what an earlier app knew finds out at once. */
const APP_ID_HEADER = 'x-topoprobe-app-id';

/** The request itself and its connection, which are there for as long as its body is waited for. */
const REQUEST_BYTES = 16 * 1024;

export interface ReportRouteParts {
  readonly appId: string;
  readonly engine: EngineClient;
  readonly room: Room;
  readonly settings: AppSettings;
}

export function reportRoute(
  server: FastifyInstance,
  { appId, engine, room, settings: { limits } }: ReportRouteParts,
): void {
  const arriving = new OneAtATime();
  const rates = new Rates(limits, performance.now());
  server.post('/api/report', async (request, reply) => {
    const probe = probeOf(request.headers);
    rates.take(probe.id, performance.now());
    const format = formatOf(request.headers['content-type']);
    const { 'content-encoding': contentEncoding, 'content-length': length } = request.headers;
    const isZstd = contentEncoding?.trim().toLowerCase() === 'zstd';
    const stream = request.body as IncomingMessage | undefined;
    const place = room.open();
    try {
      place.take(REQUEST_BYTES);
      const contentLength = length === undefined ? undefined : Number(length);
      const body =
        stream === undefined
          ? new Blocks(place)
          : await readBody(stream, { contentEncoding, contentLength }, limits, place);
      await arriving.run(() => {
        const bytes = body.join();
        return engine.call('ingest', [probe, { format, isZstd }, bytes], [bytes.buffer]);
      });
    } finally {
      place.close();
    }
    return reply.header(APP_ID_HEADER, appId).code(200).send();
  });
}
