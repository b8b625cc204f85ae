/** Reads how many flows a namespace has out of the answer to `countRequest`. */
import { Attributes } from './attributes.js';

const HEADER_BYTES = 20;
const STATISTICS_TYPE = (1 << 8) | 5;
const GLOBAL_ENTRIES = 1;

/** Undefined when the bytes are no such answer; then it must be assumed that there are flows. */
export function readFlowCount(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint16(4, true) !== STATISTICS_TYPE) return undefined;
  const length = view.getUint32(0, true);
  const attributes = new Attributes(GLOBAL_ENTRIES, view);
  if (length < HEADER_BYTES || length > bytes.length || !attributes.read(HEADER_BYTES, length))
    return undefined;
  return attributes.offsetOf(GLOBAL_ENTRIES, 4) < 0 ? undefined : attributes.u32(GLOBAL_ENTRIES);
}
