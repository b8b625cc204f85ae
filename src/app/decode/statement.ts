/** From a body to a statement, with every failure as an answer that the sender can use. */
import type { Statement } from '../../flows/statement.js';
import {
  DEFAULT_STATEMENT_LIMITS,
  decodeStatement,
  StatementError,
  type StatementErrorCode,
} from '../../flows/wire/index.js';
import { AppError, type AppErrorCode } from '../errors.js';
import { inflateZstd } from './zstd.js';

export interface DecodedStatement {
  readonly statement: Statement;
  /** After decompression. */
  readonly bytes: number;
}

/**
 * @param probeId whose statement it must be
 * @throws AppError UNDECODABLE, BAD_STATEMENT, REPORT_TOO_LARGE, INFLATED_TOO_LARGE
 */
export function decodeStatementBody(
  sent: Uint8Array,
  isZstd: boolean,
  probeId: string,
  limits: { readonly reportNodes: number; readonly decompressedBytes: number },
): DecodedStatement {
  const body = isZstd ? inflateZstd(sent, limits.decompressedBytes) : sent;
  const statement = decoded(body, limits.reportNodes);
  if (statement.probe !== probeId) {
    const [said, stated] = [probeId, statement.probe].map((id) => JSON.stringify(id.slice(0, 80)));
    throw new AppError('BAD_STATEMENT', `refused a statement of probe ${stated} that probe ${said} sends`);
  }
  return { statement, bytes: body.byteLength };
}

function decoded(body: Uint8Array, maxNodes: number): Statement {
  try {
    return decodeStatement(body, { ...DEFAULT_STATEMENT_LIMITS, maxNodes });
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new AppError(CODES.get(cause.code) ?? 'BAD_STATEMENT', cause.message, { cause });
  }
}

const CODES: ReadonlyMap<StatementErrorCode, AppErrorCode> = new Map<StatementErrorCode, AppErrorCode>([
  ['BAD_SYNTAX', 'UNDECODABLE'],
  ['TRUNCATED', 'UNDECODABLE'],
  ['TRAILING_BYTES', 'UNDECODABLE'],
  ['TOO_LARGE', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_FLOWS', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_NODES', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_ENTRIES', 'REPORT_TOO_LARGE'],
  ['TEXT_TOO_LONG', 'REPORT_TOO_LARGE'],
]);
