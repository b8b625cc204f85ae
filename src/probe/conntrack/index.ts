/** Public face: flows of the kernel's connection tracking (conntrack), of every namespace. */
export { ConntrackMonitor, type FlowNews, type MonitorOptions } from './monitor.js';
