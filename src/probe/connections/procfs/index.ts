/** Public face: connections read from /proc. */
export { ProcfsError, type ProcfsErrorCode } from './errors.js';
export { createProcfsSource, type ProcfsOptions } from './procfs-source.js';
