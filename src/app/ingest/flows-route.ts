/**
 * `POST /api/flows`: one statement of one probe into the flow store. 409 says which state the app has, when that is not
 * the one that the statement builds on; the probe's next statement then begins there, or is whole.
 */
import type { Transferable } from 'node:worker_threads';
import type { FastifyInstance } from 'fastify';
import { APP_ID_HEADER, FLOWS_PATH } from '../../flows/exchange.js';
import { requireMsgpack } from '../decode/decode.js';
import type { Taken } from '../flows/flow-store.js';
import type { ProbeIdentity } from '../window/probe-registry.js';
import type { Intake } from './intake.js';

/** What the route needs of the engine. */
export interface StatementEngine {
  /** @throws AppError */
  call(
    name: 'state',
    args: [probe: ProbeIdentity, kind: { readonly isZstd: boolean }, body: Uint8Array],
    transfer: readonly Transferable[],
  ): Promise<Taken>;
}

export interface FlowsRouteParts {
  readonly appId: string;
  readonly engine: StatementEngine;
  readonly intake: Intake;
}

export function flowsRoute(server: FastifyInstance, { appId, engine, intake }: FlowsRouteParts): void {
  server.post(FLOWS_PATH, async (request, reply) => {
    const taken = await intake.take(request, requireMsgpack, ({ probe, bytes, isZstd }) =>
      engine.call('state', [probe, { isZstd }, bytes], [bytes.buffer]),
    );
    void reply.header(APP_ID_HEADER, appId);
    return taken.taken
      ? reply.code(200).send({ seq: taken.seq })
      : reply.code(409).send({ have: taken.have });
  });
}
