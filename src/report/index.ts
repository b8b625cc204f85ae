/** The public face of the report: its model's functions, ids, merging and encodings. Types are in `model.ts`. */
export { ReportError, REPORT_FAULTS, type ReportErrorCode } from './wire/errors.js';
export { DEFAULT_LIMITS, type DecodeLimits } from './wire/limits.js';
export { compare, fromMillis, GO_ZERO, isZero, now, toMillis } from './model/timestamp.js';
export { formatTimestamp, parseTimestamp } from './wire/rfc3339.js';
export * from './model/node-ids.js';
export { mergeReports, mergeTopologies } from './merge/reports.js';
export { laterOf, mergeNodes } from './merge/nodes.js';
export { decodeReport, encodeReport } from './wire/msgpack-codec.js';
export type { NodeCache } from './wire/known-nodes.js';
export { renamedId, renameHost } from './rename-host.js';
export { reportFromJson, reportToJson } from './wire/json-codec.js';
