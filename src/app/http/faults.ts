/**
 * Every refusal as `{error, code}` with the right status, and nothing of the inside shown.
 */
import type { FastifyError, FastifyInstance } from 'fastify';
import { AppError } from '../errors.js';

export function answerFaults(server: FastifyInstance): void {
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    const fault = error instanceof AppError ? error : ownFault(error);
    if (fault === undefined) {
      request.log.error({ err: error }, 'request failed');
      return reply.code(500).send({ error: 'the app failed to answer; its log says why', code: 'INTERNAL' });
    }
    if (fault.retryAfterSeconds !== undefined)
      void reply.header('retry-after', String(fault.retryAfterSeconds));
    // What was to come of this request would be taken for the next one's.
    if (fault.code === 'BODY_STALLED') void reply.header('connection', 'close');
    return reply.code(fault.statusCode).send({ error: fault.message, code: fault.code });
  });
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: `nothing is at ${request.method} ${request.url.slice(0, 200)}; GET /api lists what is here`,
      code: 'NO_SUCH_PAGE',
    }),
  );
}

/** Refusals of the server itself that are the sender's doing. */
function ownFault(
  error: FastifyError,
):
  | AppError
  | { message: string; code: string; statusCode: number; retryAfterSeconds?: undefined }
  | undefined {
  if (error.code.startsWith('FST_ERR_CTP_')) {
    return new AppError('UNKNOWN_CONTENT_TYPE', 'cannot read a body of that content type', { cause: error });
  }
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500
    ? { message: error.message, code: 'BAD_REQUEST', statusCode: status }
    : undefined;
}
