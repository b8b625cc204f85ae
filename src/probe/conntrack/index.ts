/** Public face: flows of the kernel's connection tracking, of every namespace. */
export { ConntrackMonitor, type FlowNews, type MonitorOptions } from './monitor.js';
