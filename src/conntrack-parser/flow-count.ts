/** Reads how many flows a namespace has out of the answer to `countRequest`. */
import { Attributes, NetlinkError, readMessages, viewOf } from '../netlink/index.js';
import { LIST_FLOWS } from './messages.js';

const NETFILTER_HEADER = 4;
const STATISTICS_TYPE = (1 << 8) | 5;
const GLOBAL_ENTRIES = 1;

/** Undefined when the bytes are no such answer; then it must be assumed that there are flows. */
export function readFlowCount(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  const attributes = new Attributes(GLOBAL_ENTRIES, view);
  let count: number | undefined;
  try {
    readMessages(view, LIST_FLOWS, (type, from, to) => {
      const isCount = type === STATISTICS_TYPE && attributes.read(from + NETFILTER_HEADER, to);
      if (isCount && attributes.offsetOf(GLOBAL_ENTRIES, 4) >= 0) count = attributes.u32(GLOBAL_ENTRIES);
    });
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return undefined;
  }
  return count;
}
