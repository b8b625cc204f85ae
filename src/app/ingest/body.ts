/**
 * Reads a request's body under two bounds: bytes as sent and bytes after decompression. Decompression is streamed and
 * stops at its bound, so a small body that inflates to gigabytes costs no more than the bound.
 */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '../errors.js';

export interface BodyLimits {
  readonly compressedBytes: number;
  readonly decompressedBytes: number;
}

/**
 * The body, inflated where it is gzipped. What is left of a body that is refused is read and thrown away by the server, so that the sender
 * gets the answer instead of a broken connection.
 *
 * @throws AppError BODY_TOO_LARGE, INFLATED_TOO_LARGE, UNDECODABLE, BODY_CUT_SHORT, UNKNOWN_CONTENT_ENCODING
 */
export async function readBody(
  request: Readable,
  encoding: string | undefined,
  limits: BodyLimits,
): Promise<Buffer> {
  switch (encoding?.trim().toLowerCase() ?? 'identity') {
    case '':
    case 'identity':
    case 'zstd': // inflated beside the decoding, in the engine's thread
      return readPlain(request, Math.min(limits.compressedBytes, limits.decompressedBytes));
    case 'gzip':
    case 'x-gzip':
      return readGzip(request, limits);
    default:
      throw new AppError(
        'UNKNOWN_CONTENT_ENCODING',
        `cannot read a body with Content-Encoding ${JSON.stringify(encoding?.slice(0, 40))}`,
      );
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('BODY_TOO_LARGE', `refused a body of more than ${maxBytes} bytes`);
}

function readPlain(request: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = watch(request, {
      data: (chunk) => {
        bytes += chunk.length;
        if (bytes <= maxBytes) {
          chunks.push(chunk);
          return;
        }
        stop();
        reject(tooLarge(maxBytes));
      },
      end: () => resolve(Buffer.concat(chunks, bytes)),
      fail: reject,
    });
  });
}

function readGzip(request: Readable, limits: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const gunzip = createGunzip();
    const chunks: Buffer[] = [];
    let received = 0;
    let inflated = 0;
    const fail = (error: AppError): void => {
      stop();
      gunzip.destroy();
      reject(error);
    };
    const stop = watch(request, {
      data: (chunk) => {
        received += chunk.length;
        if (received > limits.compressedBytes) {
          fail(tooLarge(limits.compressedBytes));
          return;
        }
        if (gunzip.write(chunk)) return;
        request.pause();
        gunzip.once('drain', () => request.resume());
      },
      end: () => gunzip.end(),
      fail: (error) => {
        gunzip.destroy();
        reject(error);
      },
    });
    gunzip.on('data', (chunk: Buffer) => {
      inflated += chunk.length;
      if (inflated <= limits.decompressedBytes) {
        chunks.push(chunk);
        return;
      }
      fail(
        new AppError(
          'INFLATED_TOO_LARGE',
          `refused a body that inflates to more than ${limits.decompressedBytes} bytes`,
        ),
      );
    });
    gunzip.on('end', () => resolve(Buffer.concat(chunks, inflated)));
    gunzip.on('error', (cause) =>
      fail(new AppError('UNDECODABLE', `cannot gunzip the body: ${cause.message}`, { cause })),
    );
  });
}

interface BodyEvents {
  readonly data: (chunk: Buffer) => void;
  readonly end: () => void;
  readonly fail: (error: AppError) => void;
}

/** Listens to a request; the returned function stops, and lets the rest of the body run off unread. */
function watch(request: Readable, { data, end, fail }: BodyEvents): () => void {
  const cutShort = (): void => fail(new AppError('BODY_CUT_SHORT', 'the connection ended inside the body'));
  const closed = (): void => {
    if (!request.readableEnded) cutShort();
  };
  request.on('data', data).on('end', end).on('error', cutShort).on('close', closed);
  return () => {
    request.off('data', data).off('end', end).off('error', cutShort).off('close', closed);
    request.on('error', () => undefined); // nobody waits for it any more
    request.resume();
  };
}
