/** Public face: flat records → endpoint topology. Pure functions, no I/O. */
export {
  addressText,
  isIpv4,
  isLinkLocalAddress,
  isLoopbackAddress,
  sameAddress,
  writeIpv4,
} from '../records/address.js';
export { buildEndpoints, type EndpointInput, type Endpoints, type EndpointStats } from './endpoints.js';
export { exitedProcesses } from './exited-processes.js';
export {
  identifyProcesses,
  type GoneProcess,
  type IdentifiedProcesses,
  type NameOf,
} from '../batch/process-identity.js';
export { type HolderBatch } from './socket-holders.js';
export { markReported, ReportedBefore } from '../batch/seen-before.js';
export { type RecordBatch } from '../records/record-view.js';
export { completeStragglers, splitStragglers, type SplitBatch } from '../batch/half-seen.js';
export { LastListeners } from './last-listeners.js';
export { PendingConnects } from '../batch/pending-connects.js';
export { lookThroughNat } from '../nat/resolve-nat.js';
export { MAX_NAT_COPIES, withNatCopies, type NatContext, type NattedTopology } from '../nat/nat-copies.js';
export { NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
export { lostEnds } from '../records/lost-ends.js';
