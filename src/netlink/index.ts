/**
 * Public face: netlink's framing, one place for all its subsystems. Pure, imports nothing; sockets are those of
 * `ebpf-bridge/netlink`, taken by interface.
 */
export { Attributes } from './attributes.js';
export { dump, type DumpBounds, type RequestSocket } from './dump.js';
export { NetlinkError, type Attempt, type NetlinkErrorCode } from './errors.js';
export {
  netlinkRequest,
  NetlinkProtocol,
  readMessages,
  RequestFlag,
  viewOf,
  type AnswerState,
} from './messages.js';
