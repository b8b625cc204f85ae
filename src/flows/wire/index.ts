/** Statements as bytes: what a probe sends to an app that takes flows. */
export { encodeStatement } from './statement-writer.js';
export { decodeStatement } from './statement-reader.js';
export { StatementError, STATEMENT_FAULTS, type StatementErrorCode } from './errors.js';
export { DEFAULT_STATEMENT_LIMITS, type StatementLimits } from './limits.js';
