/** Public face: connections read from /proc. */
export { createProcfsSource, type ProcfsOptions } from './procfs-source.js';
