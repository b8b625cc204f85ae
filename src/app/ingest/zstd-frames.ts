/**
 * The outline of a Zstandard body (RFC 8878): its frames, and what inflating each will cost at most. It is read before
 * anything is inflated, because a frame's header alone can ask for gigabytes of memory.
 */
import { AppError } from '../errors.js';

export interface ZstdFrame {
  /** Where it lies in the body. */
  readonly start: number;
  readonly end: number;
  readonly windowBytes: number;
  readonly blocks: number;
}

/** What every decoder should have room for, says RFC 8878; encoders for the web keep to it. */
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
const BLOCK_BYTES_MAX = 128 * 1024;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const RLE = 1;
const RESERVED = 3;

/** The frames of a body, in order; skippable ones are left out. @throws AppError UNDECODABLE, INFLATED_TOO_LARGE */
export function zstdFrames(body: Uint8Array): ZstdFrame[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const frames: ZstdFrame[] = [];
  let at = 0;
  try {
    while (at < body.byteLength) {
      const magic = view.getUint32(at, true);
      if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
        at += 8 + view.getUint32(at + 4, true);
        if (at > body.byteLength) throw undecodable('it ends inside a frame');
        continue;
      }
      if (magic !== FRAME_MAGIC) throw undecodable('it is no Zstandard');
      const frame = readFrame(view, at);
      frames.push(frame);
      at = frame.end;
    }
  } catch (error) {
    // DataView's own bounds check.
    if (error instanceof RangeError) throw undecodable('it ends inside a frame');
    throw error;
  }
  if (frames.length === 0) throw undecodable('it has no frame');
  return frames;
}

function readFrame(view: DataView, start: number): ZstdFrame {
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw undecodable('a reserved bit is set');
  if ((descriptor & 0x03) !== 0) throw undecodable('it needs a dictionary');
  const contentFlag = descriptor >> 6;
  const contentBytes = contentFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << contentFlag;
  let at = start + 5;
  const windowBytes = isSingleSegment ? contentSize(view, at, contentBytes) : windowSize(view.getUint8(at++));
  if (windowBytes > WINDOW_BYTES_MAX) {
    throw new AppError(
      'INFLATED_TOO_LARGE',
      `refused a body whose Zstandard window is over ${WINDOW_BYTES_MAX} bytes`,
    );
  }
  at += contentBytes;
  let blocks = 0;
  for (let isLast = false; !isLast; blocks++) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === RESERVED || size > BLOCK_BYTES_MAX) throw undecodable('a block is malformed');
    at += 3 + (type === RLE ? 1 : size);
    isLast = (header & 1) !== 0;
  }
  const hasChecksum = (descriptor & 0x04) !== 0;
  const end = at + (hasChecksum ? 4 : 0);
  if (end > view.byteLength) throw undecodable('it ends inside a frame');
  return { start, end, windowBytes, blocks };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function undecodable(why: string): AppError {
  return new AppError('UNDECODABLE', `cannot inflate the Zstandard body: ${why}`);
}
