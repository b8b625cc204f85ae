/** Public face: flat records → endpoint topology. Pure functions, no I/O. */
export {
  addressText,
  isIpv4,
  isLinkLocalAddress,
  isLoopbackAddress,
  sameAddress,
  writeIpv4,
} from './address.js';
export { buildEndpoints, type EndpointInput, type Endpoints, type EndpointStats } from './endpoints.js';
export { exitedProcesses } from './exited-processes.js';
export {
  identifyProcesses,
  type GoneProcess,
  type IdentifiedProcesses,
  type NameOf,
} from './identify-processes.js';
export { type HolderBatch } from './socket-holders.js';
export { markReported, ReportedBefore } from './reported-before.js';
export { type RecordBatch } from './record-view.js';
export { completeStragglers, splitStragglers, type SplitBatch } from './stragglers.js';
export { LastListeners } from './last-listeners.js';
export { PendingConnects } from './pending-connects.js';
export { lookThroughNat } from './look-through-nat.js';
export { MAX_NAT_COPIES, withNatCopies, type NatContext, type NattedTopology } from './nat.js';
export { NO_FLOWS, type FlowBatch } from './nat-flow.js';
export { lostEnds } from './unreported.js';
