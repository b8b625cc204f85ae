/**
 * Inflates Zstandard bodies under bounds: of bytes, and of the memory that a frame may ask for before anything of it is
 * inflated. Node's zlib keeps to both, inflates any number of frames, and passes over skippable ones.
 */
import { constants, zstdDecompressSync, type ZstdOptions } from 'node:zlib';
import { AppError } from '../errors.js';

/** What every decoder should have room for, says RFC 8878; encoders for the web keep to it. */
const WINDOW_BYTES_LOG_MAX = 23;
/** What is inflated comes in pieces of this size, which are joined in the end. */
const CHUNK_BYTES = 128 * 1024;

/** @throws AppError UNDECODABLE, INFLATED_TOO_LARGE */
export function inflateZstd(body: Uint8Array, maxBytes: number): Uint8Array {
  const options: ZstdOptions = {
    chunkSize: CHUNK_BYTES,
    maxOutputLength: maxBytes,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_BYTES_LOG_MAX },
    rejectGarbageAfterEnd: true,
  };
  try {
    return zstdDecompressSync(body, options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(`inflates to more than ${maxBytes} bytes`, cause);
    if (code === 'ZSTD_error_frameParameter_windowTooLarge')
      throw tooLarge(`has a Zstandard window of more than ${2 ** WINDOW_BYTES_LOG_MAX} bytes`, cause);
    throw new AppError('UNDECODABLE', `cannot inflate the Zstandard body: ${message}`, { cause });
  }
}

function tooLarge(why: string, cause: unknown): AppError {
  return new AppError('INFLATED_TOO_LARGE', `refused a body that ${why}`, { cause });
}
