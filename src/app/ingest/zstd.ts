/**
 * Inflates Zstandard bodies under bounds: of bytes, and of the memory that a frame may ask for before anything of it is
 * inflated. Node's zlib keeps to both, frame by frame, and passes over skippable ones.
 */
import { constants, zstdDecompressSync, type ZstdOptions } from 'node:zlib';
import { AppError } from '../errors.js';

/** What every decoder should have room for, says RFC 8878; encoders for the web keep to it. */
const WINDOW_BYTES_LOG_MAX = 23;
/** What is inflated comes in pieces of this size, which are joined in the end. */
const CHUNK_BYTES = 128 * 1024;

/** A frame by itself costs some 30 µs, however little it has; encoders make one for each few megabytes. */
const MAX_FRAMES = 1000;

/** @throws AppError UNDECODABLE, INFLATED_TOO_LARGE */
export function inflateZstd(body: Uint8Array, maxBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Node.js 24 inflates one frame at a time, and takes what is behind it for garbage.
  for (let rest = body; rest.length > 0 || parts.length === 0;) {
    if (parts.length === MAX_FRAMES) throw tooLarge(`has more than ${MAX_FRAMES} Zstandard frames`);
    const { part, taken } = inflateFrames(rest, maxBytes - bytes, maxBytes);
    parts.push(part);
    bytes += part.length;
    rest = rest.subarray(taken);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
}

/** One frame at least. @param maxBytes of all frames, for the reader of an error */
function inflateFrames(
  body: Uint8Array,
  room: number,
  maxBytes: number,
): { readonly part: Uint8Array; readonly taken: number } {
  const options: ZstdOptions & { readonly info: true } = {
    chunkSize: CHUNK_BYTES,
    info: true,
    // Node.js knows no bound of nothing.
    maxOutputLength: Math.max(1, room),
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_BYTES_LOG_MAX },
  };
  try {
    const { buffer, engine } = zstdDecompressSync(body, options) as unknown as Inflated;
    if (buffer.length > room) throw tooLarge(`inflates to more than ${maxBytes} bytes`);
    return { part: buffer, taken: engine.bytesWritten };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(`inflates to more than ${maxBytes} bytes`, cause);
    if (code === 'ZSTD_error_frameParameter_windowTooLarge')
      throw tooLarge(`has a Zstandard window of more than ${2 ** WINDOW_BYTES_LOG_MAX} bytes`, cause);
    throw new AppError('UNDECODABLE', `cannot inflate the Zstandard body: ${message}`, { cause });
  }
}

/** What zlib answers with `info`, which its types leave out. */
interface Inflated {
  readonly buffer: Buffer;
  /** `bytesWritten`: of the input, those that were taken. */
  readonly engine: { readonly bytesWritten: number };
}

function tooLarge(why: string, cause?: unknown): AppError {
  return new AppError('INFLATED_TOO_LARGE', `refused a body that ${why}`, { cause });
}
