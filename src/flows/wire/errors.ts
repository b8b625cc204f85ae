/** Every fault of a statement's bytes: a stable code, what was being read, what to do. */

export const STATEMENT_FAULTS = {
  BAD_SYNTAX: 'send one MessagePack map of numbers, texts and bins',
  TRUNCATED: 'send the whole body',
  TRAILING_BYTES: 'send exactly one statement per body',
  UNSUPPORTED_VERSION: 'send a statement of a version that this app takes',
  WRONG_TYPE: 'send each field as its type',
  BAD_NUMBER: 'send whole numbers from 0 to 2^53 - 1, and finite measurements',
  BAD_TIMESTAMP: 'send instants of the years 0 to 9999',
  BAD_REFERENCE: 'refer to what the statement itself lists',
  INVALID_UTF8: 'send texts as UTF-8',
  UNEVEN_COLUMNS: 'send as many values in each column as its section has rows',
  WRONG_ORDER: 'send ids and ports ascending',
  DUPLICATE: 'name each thing once',
  INCOMPLETE: 'send each flow of a whole statement with its definition and its state',
  BAD_FRAME: "send templates as a report in Scope's format has them",
  TOO_LARGE: 'state less at once, or raise the limit on bytes',
  TOO_MANY_FLOWS: 'state fewer flows at once, or raise the limit on flows',
  TOO_MANY_NODES: 'state fewer nodes at once, or raise the limit on nodes',
  TOO_MANY_ENTRIES: 'state less at once, or raise the limit on entries',
  TOO_DEEP: 'nest less, or raise the limit on depth',
  TEXT_TOO_LONG: 'shorten the text, or raise the limit on the bytes of one text',
} as const;
export type StatementErrorCode = keyof typeof STATEMENT_FAULTS;

export class StatementError extends Error {
  readonly code: StatementErrorCode;

  /** `attempted` reads like "cannot read column 12: it ends early". */
  constructor(code: StatementErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${STATEMENT_FAULTS[code]}`, options);
    this.name = 'StatementError';
    this.code = code;
  }
}
