/**
 * `POST /api/report`: one report of one probe into the window. A report that is refused leaves the window as it was.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { EngineClient } from '../engine/client.js';
import { OneAtATime } from '../engine/one-at-a-time.js';
import { AppError } from '../errors.js';
import type { AppSettings } from '../options.js';
import { readBody } from './body.js';
import { formatOf } from './decode.js';
import { InFlight } from './in-flight.js';
import { probeOf } from './probe-identity.js';
import { Rates } from './rates.js';

/** The app's id, in every answer to a report: a probe that built on what an earlier app knew finds out at once. */
const APP_ID_HEADER = 'x-topoprobe-app-id';

export function reportRoute(
  server: FastifyInstance,
  engine: EngineClient,
  settings: AppSettings,
  appId: string,
): void {
  const { limits } = settings;
  const inFlight = new InFlight(limits.inFlightBytes);
  const arriving = new OneAtATime();
  const rates = new Rates(limits, performance.now());
  server.post('/api/report', async (request, reply) => {
    const probe = probeOf(request.headers);
    rates.take(probe.id, performance.now());
    const format = formatOf(request.headers['content-type']);
    if (Number(request.headers['content-length'] ?? 0) > limits.compressedBytes) {
      throw new AppError('BODY_TOO_LARGE', `refused a body of more than ${limits.compressedBytes} bytes`);
    }
    const isZstd = request.headers['content-encoding']?.trim().toLowerCase() === 'zstd';
    const stream = request.body as IncomingMessage | undefined;
    const body =
      stream === undefined
        ? Buffer.alloc(0)
        : await readBody(stream, request.headers['content-encoding'], limits);
    await inFlight.hold(body.length, () => {
      const bytes = ownBytes(body);
      return arriving.run(() => engine.call('ingest', [probe, { format, isZstd }, bytes], [bytes.buffer]));
    });
    return reply.header(APP_ID_HEADER, appId).code(200).send();
  });
}

/** Bytes in a buffer of their own, which can be handed over to another thread. */
function ownBytes(body: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = body;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : Uint8Array.from(body);
}
