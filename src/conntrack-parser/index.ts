/** Public face: flows of the kernel's connection tracking, from netlink messages or from text. Pure, no I/O. */
export {
  ADDRESS_BYTES,
  FlowEnd,
  FlowStatus,
  FlowTcpState,
  natBitsOf,
  sameEnd,
  type ConntrackFlow,
} from './flow.js';
export { readFlowCount } from './flow-count.js';
export { LIST_FLOWS, readConntrackMessages, type MessageCounts } from './messages.js';
export { countRequest, dumpRequest, establishedEventFilter, EventGroup, natEventFilter } from './requests.js';
export { readConntrackText, type TextCounts } from './text.js';
