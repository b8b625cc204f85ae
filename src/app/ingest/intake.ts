/**
 * The way in for the bodies that probes send, whatever they hold: rates, room and bounds are the same for all of them,
 * and they are handed on one at a time. A body that is refused leaves the app as it was.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { Blocks } from '../bodies/blocks.js';
import { readBody } from '../bodies/body.js';
import type { Room } from '../bodies/room.js';
import type { AppLimits } from '../limits.js';
import type { ProbeIdentity } from '../window/probe-registry.js';
import { OneAtATime } from './one-at-a-time.js';
import { probeOf } from './probe-identity.js';
import { Rates } from './rates.js';

/** The request itself and its connection, which are there for as long as its body is waited for. */
const REQUEST_BYTES = 16 * 1024;

export interface Arrived {
  readonly probe: ProbeIdentity;
  /** In one piece of memory of its own, which can be handed over to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Then it is still to be inflated. */
  readonly isZstd: boolean;
}

export class Intake {
  readonly #room: Room;
  readonly #limits: AppLimits;
  readonly #arriving = new OneAtATime();
  readonly #rates: Rates;

  constructor(room: Room, limits: AppLimits) {
    this.#room = room;
    this.#limits = limits;
    this.#rates = new Rates(limits, performance.now());
  }

  /**
   * Reads a body and hands it to `take`.
   *
   * @param check refuses by the headers, before anything of the body is read
   * @throws AppError as `check`, `take`, the rates and `readBody` do
   */
  async take<Format, Taken>(
    { headers, body: payload }: FastifyRequest,
    check: (contentType: string | undefined) => Format,
    take: (arrived: Arrived, format: Format) => Promise<Taken>,
  ): Promise<Taken> {
    const probe = probeOf(headers);
    this.#rates.take(probe.id, performance.now());
    const format = check(headers['content-type']);
    const { 'content-encoding': contentEncoding, 'content-length': length } = headers;
    const isZstd = contentEncoding?.trim().toLowerCase() === 'zstd';
    const stream = payload as IncomingMessage | undefined;
    const place = this.#room.open();
    try {
      place.take(REQUEST_BYTES);
      const contentLength = length === undefined ? undefined : Number(length);
      const body =
        stream === undefined
          ? new Blocks(place)
          : await readBody(stream, { contentEncoding, contentLength }, this.#limits, place);
      return await this.#arriving.run(() => take({ probe, bytes: body.join(), isZstd }, format));
    } finally {
      place.close();
    }
  }
}
