/**
 * From a body and its content type to a report, with every failure as an answer that the sender can use.
 */
import {
  DEFAULT_LIMITS,
  decodeReport,
  ReportError,
  reportFromJson,
  type NodeCache,
  type ReportErrorCode,
} from '../../report/index.js';
import type { Report } from '../../report/model/model.js';
import { AppError, type AppErrorCode } from '../errors.js';
import { inflateZstd } from './zstd.js';

export type ReportFormat = 'msgpack' | 'json';

/** What a body is, beyond the compression that was undone already. */
export interface BodyKind {
  readonly format: ReportFormat;
  readonly isZstd: boolean;
}

/**
 * What a content type announces.
 * @throws AppError UNKNOWN_CONTENT_TYPE
 */
export function formatOf(contentType: string | undefined): ReportFormat {
  const mediaType = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (mediaType === 'application/msgpack' || mediaType === 'application/x-msgpack') return 'msgpack';
  if (mediaType === 'application/json') return 'json';
  throw new AppError(
    'UNKNOWN_CONTENT_TYPE',
    `cannot read a report of content type ${JSON.stringify(mediaType.slice(0, 80))}`,
  );
}

/** @throws AppError UNKNOWN_CONTENT_TYPE */
export function requireMsgpack(contentType: string | undefined): void {
  if (formatOf(contentType) === 'msgpack') return;
  throw new AppError('UNKNOWN_CONTENT_TYPE', 'cannot read a statement that is not application/msgpack');
}

/** @throws AppError UNDECODABLE, WRONG_SHAPE, REPORT_TOO_LARGE, INFLATED_TOO_LARGE */
export function decodeBody(
  sent: Uint8Array,
  { format, isZstd }: BodyKind,
  limits: { readonly reportNodes: number; readonly decompressedBytes: number },
  recall: NodeCache,
): Report {
  const body = isZstd ? inflateZstd(sent, limits.decompressedBytes) : sent;
  const bounds = { ...DEFAULT_LIMITS, maxNodes: limits.reportNodes, maxFlows: limits.reportNodes };
  try {
    return format === 'msgpack'
      ? decodeReport(body, bounds, recall)
      : reportFromJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'), bounds);
  } catch (cause) {
    if (!(cause instanceof ReportError)) throw cause;
    throw new AppError(CODES.get(cause.code) ?? 'WRONG_SHAPE', cause.message, { cause });
  }
}

const CODES: ReadonlyMap<ReportErrorCode, AppErrorCode> = new Map<ReportErrorCode, AppErrorCode>([
  ['TRUNCATED', 'UNDECODABLE'],
  ['TRAILING_BYTES', 'UNDECODABLE'],
  ['BAD_SYNTAX', 'UNDECODABLE'],
  ['TOO_LARGE', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_NODES', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_FLOWS', 'REPORT_TOO_LARGE'],
  ['TOO_MANY_ENTRIES', 'REPORT_TOO_LARGE'],
  ['TEXT_TOO_LONG', 'REPORT_TOO_LARGE'],
]);
