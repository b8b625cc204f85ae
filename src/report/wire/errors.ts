/**
 * Every fault a report's bytes can have: a stable code, what was being read and where, what to do.
 */

export const REPORT_FAULTS = {
  TRUNCATED: 'send the whole body',
  TRAILING_BYTES: 'send exactly one report per body',
  BAD_SYNTAX: 'send the encoding that the content type names',
  WRONG_TYPE: "send a report in Scope's format",
  BAD_TIMESTAMP: "send Go's binary time (15 bytes) in MessagePack, RFC 3339 in JSON, years 0 to 9999",
  BAD_NUMBER: 'send finite numbers, and counts that are not negative',
  BAD_FLOW: "send flows with both ends' addresses, the server's port, and client ports as pairs",
  INVALID_UTF8: 'send ids and keys as UTF-8',
  DUPLICATE_KEY: 'send each key of a map once',
  TOO_LARGE: 'report less at once, or raise the limit on bytes',
  TOO_DEEP: 'nest less, or raise the limit on depth',
  TOO_MANY_NODES: 'report fewer nodes at once, or raise the limit on nodes',
  TOO_MANY_FLOWS: 'report fewer flows at once, or raise the limit on flows',
  TOO_MANY_ENTRIES: 'report less at once, or raise the limit on entries',
  TEXT_TOO_LONG: 'shorten the text, or raise the limit on the bytes of one text',
} as const;
export type ReportErrorCode = keyof typeof REPORT_FAULTS;

export class ReportError extends Error {
  readonly code: ReportErrorCode;
  /** Where in the input: byte offset (MessagePack) or UTF-16 index (JSON); -1 when it has no place. */
  readonly offset: number;

  /** `attempted` reads like "cannot read adjacency: found a map". */
  constructor(code: ReportErrorCode, attempted: string, offset = -1, options: { cause?: unknown } = {}) {
    super(`${attempted}${offset < 0 ? '' : ` at offset ${offset}`}; ${REPORT_FAULTS[code]}`, options);
    this.name = 'ReportError';
    this.code = code;
    this.offset = offset;
  }
}
