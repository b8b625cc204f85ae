/** Public face: flows of the kernel's connection tracking, of every namespace. */
export { ConntrackError, type ConntrackErrorCode } from './errors.js';
export { ConntrackWatcher, type FlowNews, type WatcherOptions } from './monitor.js';
