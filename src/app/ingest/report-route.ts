/**
 * `POST /api/report`: one report of one probe into the window. A report that is refused leaves the window as it was.
 */
import type { FastifyInstance } from 'fastify';
import { APP_ID_HEADER } from '../../flows/exchange.js';
import { formatOf } from '../decode/decode.js';
import type { EngineClient } from '../engine/client.js';
import type { Intake } from './intake.js';

export interface ReportRouteParts {
  readonly appId: string;
  readonly engine: EngineClient;
  readonly intake: Intake;
}

export function reportRoute(server: FastifyInstance, { appId, engine, intake }: ReportRouteParts): void {
  server.post('/api/report', async (request, reply) => {
    await intake.take(request, formatOf, ({ probe, bytes, isZstd }, format) =>
      engine.call('ingest', [probe, { format, isZstd }, bytes], [bytes.buffer]),
    );
    return reply.header(APP_ID_HEADER, appId).code(200).send();
  });
}
