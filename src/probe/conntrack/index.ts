/** Public face: flows of the kernel's connection tracking, of every namespace. */
export { ConntrackError, type ConntrackErrorCode } from './errors.js';
export { withConntrack, type TrackedExtras } from '../nat/nat-source.js';
export { ConntrackWatcher, type FlowNews, type WatcherOptions } from './monitor.js';
