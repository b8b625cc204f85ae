/** Reports as MessagePack, the form probes send. */
import { DEFAULT_LIMITS, type DecodeLimits } from './limits.js';
import type { Report } from '../model/model.js';
import { MsgpackReader } from './msgpack-reader.js';
import { MsgpackWriter } from './msgpack-writer.js';
import type { NodeCache } from './known-nodes.js';
import { readReport } from './report-reader.js';
import { writeReport } from './report-writer.js';

/** `application/msgpack` as a Scope app accepts it. The bytes are the caller's own. */
export function encodeReport(report: Report): Uint8Array {
  const writer = new MsgpackWriter();
  writeReport(writer, report, false);
  return writer.finish();
}

/**
 * Reads what a probe sent: ours, Scope's of any age, or another encoder's. Nothing of the report refers to `bytes`.
 *
 * @param limits bounds to replace the defaults
 * @param recall what is known of earlier reports of the same sender: what is said again is not read again
 * @throws ReportError for anything that is not a report within the limits
 */
export function decodeReport(
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
  recall?: NodeCache,
): Report {
  const all = { ...DEFAULT_LIMITS, ...limits };
  return readReport(new MsgpackReader(bytes, all), all, recall);
}
