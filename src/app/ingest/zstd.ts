/**
 * Inflates Zstandard bodies under a bound of bytes and of work. Node 20 has no Zstandard of its own; the decoder used
 * instead moves its whole window for every block, so that many small blocks with a large window would take for ever.
 */
import { Decompress } from 'fzstd';
import { AppError } from '../errors.js';
import { zstdFrames } from './zstd-frames.js';

/** Window bytes times blocks: 64 MiB in full blocks with the largest window need this much, a second's work. */
const WORK_MAX = 4 * 1024 ** 3;

/** @throws AppError UNDECODABLE, INFLATED_TOO_LARGE */
export function inflateZstd(body: Uint8Array, maxBytes: number): Uint8Array {
  const frames = zstdFrames(body);
  const work = frames.reduce((sum, { windowBytes, blocks }) => sum + windowBytes * (blocks + 1), 0);
  if (work > WORK_MAX) {
    throw new AppError(
      'INFLATED_TOO_LARGE',
      'refused a Zstandard body whose window is too large for its blocks',
    );
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const { start, end } of frames) {
    const decompress = new Decompress((chunk) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new AppError(
          'INFLATED_TOO_LARGE',
          `refused a body that inflates to more than ${maxBytes} bytes`,
        );
      }
      chunks.push(chunk);
    });
    try {
      decompress.push(body.subarray(start, end), true);
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw new AppError('UNDECODABLE', 'cannot inflate the Zstandard body: a block is malformed', { cause });
    }
  }
  return Buffer.concat(chunks, bytes);
}
