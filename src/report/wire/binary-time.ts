/**
 * Go's binary form of a time: version 1, int64 seconds since year 1, int32 nanoseconds, int16 minutes east of UTC;
 * 15 bytes, big endian. Version 2 adds a byte of seconds to the offset, which nothing here can carry on.
 */
import type { Timestamp } from '../model/model.js';
import { GO_EPOCH_SECONDS, isWithinRange } from '../model/timestamp.js';

export const BINARY_TIME_BYTES = 15;
const BINARY_TIME_V2_BYTES = 16;
const MEMORY_SLOTS = 64;

/** Reads times and gives equal ones as one object: a report has few distinct times and many of each. */
export class BinaryTimes {
  /** Direct-mapped by the nanoseconds. */
  readonly #memory = new Array<Timestamp | undefined>(MEMORY_SLOTS).fill(undefined);

  /** Undefined when the `length` bytes from `start` are not a time. They must exist. */
  read(bytes: Buffer, start: number, length: number): Timestamp | undefined {
    const version = bytes[start];
    if (
      !(length === BINARY_TIME_BYTES && version === 1) &&
      !(length === BINARY_TIME_V2_BYTES && version === 2)
    ) {
      return undefined;
    }
    const unixSeconds =
      bytes.readInt32BE(start + 1) * 0x1_0000_0000 + bytes.readUInt32BE(start + 5) - GO_EPOCH_SECONDS;
    const nanos = bytes.readInt32BE(start + 9);
    const zoneMinutes = bytes.readInt16BE(start + 13);
    const slot = (nanos ^ (nanos >>> 12)) & (MEMORY_SLOTS - 1);
    const known = this.#memory[slot];
    if (known?.nanos === nanos && known.unixSeconds === unixSeconds && known.zoneMinutes === zoneMinutes) {
      return known;
    }
    if (!isWithinRange(unixSeconds, nanos, zoneMinutes)) return undefined;
    return (this.#memory[slot] = { unixSeconds, nanos, zoneMinutes });
  }
}

/** Writes 15 bytes at `at`; they must exist. */
export function writeBinaryTime(bytes: Buffer, at: number, time: Timestamp): void {
  const seconds = time.unixSeconds + GO_EPOCH_SECONDS;
  bytes[at] = 1;
  bytes.writeInt32BE(Math.floor(seconds / 0x1_0000_0000), at + 1);
  bytes.writeUInt32BE(((seconds % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000, at + 5);
  bytes.writeInt32BE(time.nanos, at + 9);
  bytes.writeInt16BE(time.zoneMinutes, at + 13);
}

/** Whether bytes of unknown meaning should stay bytes because they are most likely a time. */
export function looksLikeBinaryTime(bytes: Uint8Array): boolean {
  return bytes.length === BINARY_TIME_BYTES && bytes[0] === 1;
}
