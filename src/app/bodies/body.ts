/**
 * Reads a request's body under bounds: bytes as sent, bytes after decompression, room for both, and how long its sender
 * may be silent. Nothing is inflated before the last byte is there, so that whoever holds it back holds no more than he
 * has sent; inflating is streamed and stops at its bound, so a small body that inflates to gigabytes costs no more.
 */
import { Readable } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { AppError } from '../errors.js';
import { Blocks } from './blocks.js';
import type { Place } from './room.js';

export interface BodyLimits {
  readonly compressedBytes: number;
  readonly decompressedBytes: number;
}

/** What the headers say of a body. */
export interface BodyHeaders {
  readonly contentEncoding: string | undefined;
  /** Undefined where the length is not announced. */
  readonly contentLength: number | undefined;
}

/** A sender from which nothing comes for so long is given up: what he has sent takes the room of others. */
const SILENCE_MS_MAX = 10_000;
/** zlib's window and tables, and what it inflates into. */
const INFLATING_BYTES = 64 * 1024;

/** A body as short as a statement is inflated at once: handing it to a thread of zlib's costs several times as much. */
const SHORT_BYTES = 16 * 1024;
const SHORT_INFLATED_BYTES = 128 * 1024;

/**
 * The body, inflated where it is gzipped. What is left of a body that is refused is read and thrown away by the server,
 * so that the sender gets the answer instead of a broken connection.
 *
 * @throws AppError BODY_TOO_LARGE, INFLATED_TOO_LARGE, UNDECODABLE, BODY_CUT_SHORT, BODY_STALLED, UNKNOWN_CONTENT_ENCODING,
 * ENGINE_BUSY
 */
export async function readBody(
  request: Readable,
  { contentEncoding, contentLength }: BodyHeaders,
  limits: BodyLimits,
  place: Place,
): Promise<Blocks> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  const isGzip = encoding === 'gzip' || encoding === 'x-gzip';
  // zstd is inflated beside the decoding, in the engine's thread.
  if (!isGzip && !['', 'identity', 'zstd'].includes(encoding)) {
    throw new AppError(
      'UNKNOWN_CONTENT_ENCODING',
      `cannot read a body with Content-Encoding ${JSON.stringify(contentEncoding?.slice(0, 40))}`,
    );
  }
  const maxBytes = isGzip
    ? limits.compressedBytes
    : Math.min(limits.compressedBytes, limits.decompressedBytes);
  if ((contentLength ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const sent = await receive(request, new Blocks(place, contentLength), maxBytes);
  if (!isGzip) return sent;
  return (
    inflateShort(sent, limits.decompressedBytes, place) ?? inflate(sent, limits.decompressedBytes, place)
  );
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('BODY_TOO_LARGE', `refused a body of more than ${maxBytes} bytes`);
}

function receive(request: Readable, sent: Blocks, maxBytes: number): Promise<Blocks> {
  return new Promise((resolve, reject) => {
    const data = (piece: Buffer): void => {
      silence.refresh();
      try {
        if (sent.length + piece.length > maxBytes) throw tooLarge(maxBytes);
        sent.append(piece);
      } catch (error) {
        fail(error as AppError);
      }
    };
    const end = (): void => {
      stop();
      resolve(sent);
    };
    const cutShort = (): void => fail(new AppError('BODY_CUT_SHORT', 'the connection ended inside the body'));
    const fail = (error: AppError): void => {
      stop();
      // Nobody waits for the rest any more, nor for what becomes of the connection.
      request.on('error', () => undefined).resume();
      reject(error);
    };
    const stop = (): void => {
      clearTimeout(silence);
      request.off('data', data).off('end', end).off('error', cutShort).off('close', cutShort);
    };
    const silence = setTimeout(() => {
      fail(new AppError('BODY_STALLED', `nothing of the body came for ${SILENCE_MS_MAX / 1_000} seconds`));
    }, SILENCE_MS_MAX);
    request.on('data', data).on('end', end).on('error', cutShort).on('close', cutShort);
  });
}

/** Undefined where the body is not short, or broken: nothing was read of it then. */
function inflateShort(sent: Blocks, maxBytes: number, place: Place): Blocks | undefined {
  if (sent.length > SHORT_BYTES) return undefined;
  place.take(SHORT_INFLATED_BYTES);
  try {
    const bytes = gunzipSync(sent.join(), { maxOutputLength: Math.min(maxBytes, SHORT_INFLATED_BYTES) });
    const inflated = new Blocks(place, bytes.length);
    inflated.append(bytes);
    for (const _block of sent.drain());
    return inflated;
  } catch (error) {
    // Reading it once more, in pieces, tells what is wrong with it, or gets it whole where it is merely longer.
    if (error instanceof AppError) throw error;
    return undefined;
  } finally {
    place.give(SHORT_INFLATED_BYTES);
  }
}

async function inflate(sent: Blocks, maxBytes: number, place: Place): Promise<Blocks> {
  place.take(INFLATING_BYTES);
  const inflated = new Blocks(place);
  const source = Readable.from(sent.drain());
  try {
    // Leaving the loop ends the inflating, whatever the reason.
    for await (const piece of source.pipe(createGunzip()) as AsyncIterable<Buffer>) {
      if (inflated.length + piece.length > maxBytes) {
        throw new AppError(
          'INFLATED_TOO_LARGE',
          `refused a body that inflates to more than ${maxBytes} bytes`,
        );
      }
      inflated.append(piece);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('UNDECODABLE', `cannot gunzip the body: ${(cause as Error).message}`, { cause });
  } finally {
    source.destroy();
  }
  place.give(INFLATING_BYTES);
  return inflated;
}
