/** The public face of the report: its model's functions, ids, merging and encodings. Types are in `model.ts`. */
export { ReportError, REPORT_FAULTS, type ReportErrorCode } from './errors.js';
export { DEFAULT_LIMITS, type DecodeLimits } from './limits.js';
export { compare, fromMillis, GO_ZERO, isZero, now, toMillis } from './timestamp.js';
export { formatTimestamp, parseTimestamp } from './rfc3339.js';
export * from './node-ids.js';
export { IncrementalMerge } from './incremental-merge.js';
export { mergeReports, mergeTopologies } from './merge.js';
export { laterOf, mergeNodes } from './merge-nodes.js';
export { decodeReport, encodeReport } from './msgpack-codec.js';
export type { Recall } from './recall.js';
export { renamedId, renameHost } from './rename-host.js';
export { reportFromJson, reportToJson } from './json-codec.js';
